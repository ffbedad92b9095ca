"""What a user sees who mistypes: one line that says what to do, and no traceback."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from zs3 import cli
from zs3.commands import report, segment, train
from zs3.environment import run_record
from zs3.version import __version__

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
        train.main([*arguments, *([] if odd else output)])
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
        segment.main([*filled, "--output", str(tmp_path / "out")])


def test_a_mistake_in_a_report_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"error: .*holds no evaluation: no metrics\.json"):
        report.main([str(tmp_path), "--output", str(tmp_path / "report.html")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_teaches(command, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["zs3", command, "--help"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: zs3 {command}" in said
    assert "examples:" in said


def test_the_command_zs3_hands_its_arguments_and_exit_code_on(monkeypatch):
    called = []

    def main(arguments):
        called.append(arguments)
        assert run_record()["command"] == "zs3 segment --input a.jpg"
        return 3

    monkeypatch.setattr(segment, "main", main)
    monkeypatch.setattr("sys.argv", ["zs3", "segment", "--input", "a.jpg"])
    assert cli.main() == 3
    assert called == [["--input", "a.jpg"]]


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_the_command_zs3_lists_its_commands(arguments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["zs3", *arguments])
    with suppress(SystemExit):
        assert cli.main() is None
    said = capsys.readouterr().out
    assert all(f"  {name}" in said and what in said for name, what in cli.COMMANDS.items())


def test_the_command_zs3_knows_its_version(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["zs3", "--version"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0 and capsys.readouterr().out == f"zs3 {__version__}\n"


@pytest.mark.parametrize(
    ("word", "hint"), [("segmnt", "Did you mean 'segment'?"), ("xyz", "There are train, convert")]
)
def test_an_unknown_command_is_refused_with_a_hint(word, hint, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["zs3", word])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert f"there is no command '{word}'. {hint}" in capsys.readouterr().err
