"""What is said about a machine, healthy and not."""

from __future__ import annotations

import json
from importlib import metadata

import pytest

from zs3 import diagnosis
from zs3.commands import doctor
from zs3.diagnosis import NOTE, OK, PROBLEM, Finding, diagnose, finding


@pytest.fixture
def found(tmp_path):
    def found(topic, output=tmp_path / "runs"):
        return next(each for each in diagnose(output) if each.topic == topic)

    return found


@pytest.fixture
def installed(monkeypatch):
    """Pretends that zs3 is installed and asks for some packages, of which some are there."""

    def installed(asked, there):
        def version(name):
            if name not in there:
                raise metadata.PackageNotFoundError(name)
            return there[name]

        extras = {"Provides-Extra": ["dev", "video"]}
        described = type("", (), {"get_all": lambda self, key: extras[key]})()
        monkeypatch.setattr(metadata, "requires", lambda name: asked)
        monkeypatch.setattr(metadata, "metadata", lambda name: described)
        monkeypatch.setattr(metadata, "version", version)

    return installed


def test_this_machine_is_well(tmp_path):
    said = {each.topic: each for each in diagnose(tmp_path)}
    assert not [each for each in said.values() if each.state == PROBLEM]
    assert "torch" in said["versions"].said and "timm" in said["versions"].said
    assert "'a red star' is 128 numbers" in said["tiny CLIP"].said
    assert "GiB free" in said["output"].said
    assert list(tmp_path.iterdir()) == []


def test_what_fails_is_a_problem_in_its_own_words():
    def check():
        raise OSError("the disk\n  is on fire")

    expected = Finding("disk", PROBLEM, "OSError: the disk is on fire", "call somebody")
    assert finding("disk", check, "call somebody") == expected
    assert finding("disk", lambda: ("fine", ""), "call somebody").state == OK
    assert finding("disk", lambda: ("full", "tidy up"), "").state == NOTE


def test_one_cause_is_told_once(monkeypatch, tmp_path):
    def broken():
        raise ImportError("Detectron2 is broken")

    for check in ("_runtime", "_parts", "_datasets"):
        monkeypatch.setattr(diagnosis, check, broken)
    problems = [each for each in diagnose(tmp_path) if each.state == PROBLEM]
    assert problems == [
        Finding("runtime", PROBLEM, "ImportError: Detectron2 is broken", "see docs/runtime.md"),
        Finding("parts", PROBLEM, "as runtime", ""),
        Finding("datasets", PROBLEM, "as runtime", ""),
    ]


def test_packages_that_are_old_or_missing(found, installed):
    asked = ["torch>=2.10", "timm<2,>=1", "rich>=13", 'pytest>=8; extra == "dev"']
    installed(asked, {"torch": "2.4.1+cu121", "timm": "1.2", "pytest": "9"})
    packages = found("packages")
    assert packages.state == PROBLEM and packages.advice == "pip install -e ."
    assert "torch>=2.10 (here: 2.4.1+cu121), rich>=13 (here: none)" in packages.said
    assert "timm" not in packages.said
    versions = found("versions")
    assert versions.state == PROBLEM and "open_clip_torch missing" in versions.said


def test_extras_are_notes(found, installed):
    asked = ["torch", 'pytest>=8; extra == "dev"', 'av; extra == "video"']
    installed(asked, {"torch": "2", "pytest": "9"})
    assert found("packages").said == "all 1 that zs3 needs are there"
    extras = found("extras")
    assert (extras.state, extras.said) == (NOTE, "video: without av (here: none)")
    assert '".[video]"' in extras.advice


def test_without_an_installation_nothing_is_compared(found, monkeypatch):
    def nowhere(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "requires", nowhere)
    monkeypatch.setattr(metadata, "metadata", nowhere)
    assert found("packages").state == found("extras").state == NOTE


def test_the_folder_of_datasets(found, tmp_path, monkeypatch):
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path))
    assert found("datasets").state == OK and str(tmp_path) in found("datasets").said
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path / "missing"))
    assert found("datasets").state == NOTE and "missing" in found("datasets").advice


def test_an_output_that_cannot_be_written(found, tmp_path):
    (tmp_path / "file").touch()
    output = found("output", tmp_path / "file" / "runs")
    assert output.state == PROBLEM and "NotADirectoryError" in output.said
    assert "OUTPUT_DIR" in output.advice


FINDINGS = [Finding("one", OK, "fine", ""), Finding("two", NOTE, "half", "mend")]


def test_the_command_prints_a_screen(monkeypatch, capsys, tmp_path):
    doctor.main(["--output", str(tmp_path)])
    assert 6 < len(capsys.readouterr().out.splitlines()) < 40
    monkeypatch.setattr(diagnosis, "diagnose", lambda output: FINDINGS)
    doctor.main([])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["ok", "one", "fine"], ["note", "two", "half"], ["->", "mend"]]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_problem_is_an_exit_code(monkeypatch, capsys, options):
    broken = [*FINDINGS, Finding("three", PROBLEM, "broken", "replace")]
    monkeypatch.setattr(diagnosis, "diagnose", lambda output: broken)
    with pytest.raises(SystemExit) as stop:
        doctor.main(options)
    assert stop.value.code == 1
    said = capsys.readouterr().out
    if options:
        assert json.loads(said)[2] == {
            "topic": "three",
            "state": PROBLEM,
            "said": "broken",
            "advice": "replace",
        }
    else:
        assert "PROBLEM" in said and "-> replace" in said
