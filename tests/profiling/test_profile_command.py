from __future__ import annotations

import json
from pathlib import Path

import pytest

from zs3.commands import profile

SPNET = str(Path(__file__).parents[2] / "configs" / "shapes" / "spnet.yaml")


def test_sizes_and_speed(scripted, tmp_path, capsys):
    where = ["--size", "32", "64", "--json", str(tmp_path / "profile.json"), "--repeats", "2"]
    profile.main(["--config-file", SPNET, "--classes", "2", "3", *where])
    said = capsys.readouterr().out
    assert said.count("32x64") == 4  # two columns of two tables
    assert "parameters, in brackets trained" in said
    assert "shapes/spnet, not counted: element-wise" in said
    assert "shapes/spnet: 2 names are 8 prompts of 10.0 ms" in said
    written = json.loads((tmp_path / "profile.json").read_text())
    assert [size["classes"] for size in written["sizes"]] == [2, 3]
    assert [len(found["rounds"]) for found in written["measurements"]] == [2, 2]
    # 4 templates; a name more is a column more of one product
    naming = [size["step"]["by_stage"]["naming"] for size in written["sizes"]]
    assert naming[1] - naming[0] == (32 // 4) * (64 // 4) * 128
    assert [size["prompts"] for size in written["sizes"]] == [8, 12]


def test_counting_alone(capsys):
    profile.main(["--config-file", SPNET, "--size", "32", "32", "--no-speed"])
    assert "images/s" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config-file", "missing.yaml"], "no configuration file missing.yaml"),
        (["--config-file", SPNET, "--size", "0", "8"], "height is 0; expected 1 or more"),
        (["--config-file", SPNET, "--opts", "MODEL.NAME", "x"], "MODEL.NAME is not a key"),
        (
            ["--config-file", SPNET, "--opts", "MODEL.WEIGHTS", "none.pth"],
            r"none\.pth is not there",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments, message):
    with pytest.raises(SystemExit, match=rf"^error: .*{message}") as stop:
        profile.main(arguments)
    assert "\n" not in str(stop.value)


def test_no_round_at_all_is_a_wrong_command(capsys):
    with pytest.raises(SystemExit):
        profile.main(["--config-file", SPNET, "--repeats", "0"])
    printed = capsys.readouterr()
    assert "--repeats: expected a number from 1 on, but got '0'" in printed.err
    assert not printed.out  # nothing was counted
