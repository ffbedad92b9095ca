"""What a user sees who mistypes: one line that says what to do, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from zs3 import cli

SPNET = str(Path(__file__).parents[1] / "configs" / "shapes" / "spnet.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config-file", "missing.yaml"], r"error: there is no configuration file missing\.yaml"),
        (["--config-file", SPNET, "MODEL.NAMNG.NAME", "x"], r"nearest is MODEL\.NAMING\.NAME"),
        (["--config-file", SPNET, "SOLVER.MAX_ITER"], "KEY VALUE pairs"),
        (["--config-file", SPNET, "SOLVER.MAX_ITER", "many"], "expects int"),
        (["--config-file", SPNET, "DATASETS.TRAIN", "['toy']"], "no dataset is called 'toy'"),
        (["--config-file", SPNET, "--eval-only", "DATASETS.TEST", "[]"], "nothing to evaluate"),
        (["--config-file", SPNET, "--eval-only", "MODEL.WEIGHTS", "no.pth"], r"no\.pth"),
        (["--config-file", SPNET, "MODEL.GROUPING.NAME", "Grid"], "no grouping is called 'Grid'"),
    ],
)
def test_a_mistake_in_training_is_one_line(arguments, message, tmp_path):
    output = [] if "missing.yaml" in arguments else ["OUTPUT_DIR", str(tmp_path)]
    odd = arguments[-1] == "SOLVER.MAX_ITER"
    with pytest.raises(SystemExit, match=message) as stop:
        cli.train([*arguments, *([] if odd else output)])
    assert "\n" not in str(stop.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "{tmp}", "--input", "{tmp}"], "no images in"),
        (["--model", "{tmp}", "--input", "nowhere"], "'nowhere' does not exist"),
        (["--model", "{tmp}", "--input", __file__], r"holds no config\.yaml"),
    ],
)
def test_a_mistake_in_the_demo_is_one_line(arguments, message, tmp_path):
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit, match=f"error: .*{message}"):
        cli.segment([*filled, "--output", str(tmp_path / "out")])


def test_help_teaches(capsys):
    for command in (cli.train, cli.segment):
        with pytest.raises(SystemExit) as stop:
            command(["--help"])
        assert stop.value.code == 0
        assert "examples:" in capsys.readouterr().out


def test_the_command_zs3_offers_both(monkeypatch):
    called = []
    monkeypatch.setitem(cli.COMMANDS, "segment", called.append)
    monkeypatch.setattr("sys.argv", ["zs3", "segment", "--input", "a.jpg"])
    cli.main()
    assert called == [["--input", "a.jpg"]]
