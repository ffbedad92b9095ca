"""The command, with processes that answer at once (tests/profiling/scripted_worker.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zs3.profiling import measure

ROOT = Path(__file__).parents[2]
SPNET, ZEGFORMER = (str(ROOT / "configs" / "shapes" / f"{m}.yaml") for m in ("spnet", "zegformer"))


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    worker = ROOT / "tests" / "profiling" / "scripted_worker.py"
    monkeypatch.setattr(measure, "_BOOT", worker)


def test_every_combination_is_measured(speed, tmp_path, capsys):
    document = tmp_path / "doc.md"
    document.write_text(f"# Speed\n{speed.BEGIN}\n{speed.END}\n")
    out = ["--json", str(tmp_path / "speed.json"), "--markdown", str(document)]
    sizes = ["--size", "32", "64", "--size", "64", "64"]
    tasks = ["--task", "prediction", "training"]
    speed.main(
        ["--config-file", SPNET, *tasks, *sizes, "--classes", "2", "3", "--repeats", "1", *out]
    )

    workloads = [
        m["subject"]["workload"] for m in json.loads((tmp_path / "speed.json").read_text())
    ]
    found = [(w["training"], w["size"], w["classes"]) for w in workloads]
    expected = [
        (training, size, classes)
        for training in (False, True)
        for size in ([32, 64], [64, 64])
        for classes in (2, 3)
    ]
    assert found == expected
    table = document.read_text().splitlines()
    assert table[2].count("shapes/spnet") == 8
    assert "| step | prediction | prediction |" in document.read_text()
    assert "* `python benchmarks/speed.py" in document.read_text()
    assert capsys.readouterr().out.count("images/s") == 8


def test_against_a_configuration(speed, capsys):
    speed.main(["--config-file", SPNET, "--against", ZEGFORMER, "--classes", "4", "--repeats", "2"])
    said = capsys.readouterr().out
    assert "time ratio" in said
    assert "1.00 - 1.00" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "no-such"], "'no-such' is neither a configuration file nor a git revision"),
        (["--classes", "-1"], "classes is -1; expected 1 or more"),
        (["--batch", "0"], "batch is 0"),
        (["--json", f"{SPNET}/speed.json"], r".*speed\.json cannot be written"),
        (["--markdown", "no-such.md"], r"no-such\.md: No such file or directory"),
        (["--markdown", SPNET], r".*spnet\.yaml lacks the line '<!-- speed table"),
        (["--classes", "13"], "shapes/spnet: 13 brings bad luck"),
    ],
)
def test_a_mistake_is_one_line(speed, arguments, message, capsys):
    with pytest.raises(SystemExit, match=f"^error: {message}") as stop:
        speed.main(["--config-file", SPNET, *arguments])
    assert "\n" not in str(stop.value)
    assert not capsys.readouterr().out  # nothing was measured
