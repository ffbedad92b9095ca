"""What is written down about a run."""

from __future__ import annotations

import json
import subprocess
from configparser import ConfigParser
from importlib import metadata
from pathlib import Path

import pytest
import torch

from zs3 import environment
from zs3.environment import in_words, revision, run_record, versions

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["train_net.py", "--config-file", "a b.yaml"],
            "python train_net.py --config-file 'a b.yaml'",
        ),
        (["zs3 report", "output/x"], "zs3 report output/x"),
    ],
)
def test_the_command_can_be_typed_again(monkeypatch, arguments, expected):
    monkeypatch.setattr("sys.argv", arguments)
    assert run_record()["command"] == expected


def test_a_record_is_json_with_everything():
    torch.manual_seed(7)
    record = json.loads(json.dumps(run_record()))
    assert list(record) == ["command", "date", "seed", "versions", "revision", "machine"]
    assert record["seed"] == 7
    assert record["machine"]["threads"] == torch.get_num_threads()
    assert record["machine"]["processes"] == 1 and record["machine"]["cpu"]


def test_versions_name_what_is_missing(monkeypatch):
    assert versions()["torch"] == metadata.version("torch")

    def nowhere(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", nowhere)
    assert versions()["timm"] == "missing"


def test_the_revision_is_that_of_the_repository(tmp_path, monkeypatch):
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if head.returncode:
        assert revision() is None
    else:
        assert head.stdout.startswith(str(revision()).removesuffix("-dirty"))
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert revision() is None, "no repository there"
    monkeypatch.setenv("PATH", "")
    assert revision() is None, "no git there"


def test_the_revision_of_somebody_elses_repository_is_not_ours(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "version.py").touch()
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert revision() is None


def test_in_words_it_is_one_line():
    said = in_words()
    assert "\n" not in said
    assert (
        f"torch {metadata.version('torch')}" in said
        and f"{torch.get_num_threads()} threads" in said
    )


def test_requirements_are_listed_once():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    names = [line.split()[0] for line in setup["options"]["install_requires"].split("\n") if line]
    assert len(names) > 10 and len(set(names)) == len(names)
