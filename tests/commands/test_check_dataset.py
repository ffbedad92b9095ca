"""`zs3 check-dataset`: what it prints, writes, and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zs3.commands import check_dataset
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

SPNET = str(Path(__file__).parents[2] / "configs" / "shapes" / "spnet.yaml")
DESCRIPTION = """
names: [grass, red star]
unseen: [red star]
train: {images: images, labels: labels}
val: {images: images, labels: labels}
"""


@pytest.fixture
def description(tmp_path):
    """Of three images, a sound dataset; what it registers is gone after the test."""
    before = set(DatasetCatalog.list())
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        Image.new("RGB", (4, 3), (40 * i, 0, 0)).save(tmp_path / "images" / f"{i}.jpg")
        labels = np.array([[0, 0, 1, 255]] * 3, np.uint8)
        Image.fromarray(labels).save(tmp_path / "labels" / f"{i}.png")
    (tmp_path / "lawn.yaml").write_text(DESCRIPTION)
    yield tmp_path / "lawn.yaml"
    for name in set(DatasetCatalog.list()) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def run(*arguments):
    """The exit code."""
    try:
        check_dataset.main([*map(str, arguments), "--jobs", "1"])
    except SystemExit as stop:
        return stop.code
    return 0


def test_a_sound_dataset_is_no_error(description, capsys):
    assert run(description) == 0
    said = capsys.readouterr().out
    assert "lawn_train" in said and "lawn_val" in said
    assert "warning: images that are in lawn_train as well (3)" in said
    assert said.endswith("0 errors, 3 warnings, 1 notice\n")


def test_errors_are_told_and_counted(description, capsys, tmp_path):
    (tmp_path / "labels" / "1.png").unlink()
    (tmp_path / "images" / "2.jpg").write_text("no picture")
    assert run(description, "--json", tmp_path / "report.json") == 1
    said = capsys.readouterr().out
    assert f"lawn_train, lawn_val: {tmp_path}/images/1.jpg" in said
    assert f"lawn_train, lawn_val: {tmp_path}/images/2.jpg cannot be read as an image" in said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["errors"] == 2
    assert report["findings"][0]["kind"] == "images without labels"


def configured(description, *more):
    options = ["DATASETS.FILES", f"['{description}']", "DATASETS.TRAIN", "['lawn_train']"]
    options += ["DATASETS.TEST", "['lawn_val']", "MODEL.DEVICE", "cpu", *more]
    return ["--config-file", SPNET, "--jobs", "1", "--opts", *options]


def test_a_configuration_brings_its_datasets_and_its_text_encoder(description, capsys, tmp_path):
    check_dataset.main(configured(description))
    assert "lawn_train" in capsys.readouterr().out

    (tmp_path / "vectors.txt").write_text("grass 1 2\nred 3 4\n")
    words = ["MODEL.TEXT.ENCODER", "WordVectors"]
    files = ["MODEL.TEXT.FILES", f"['{tmp_path}/vectors.txt']"]
    with pytest.raises(SystemExit) as stop:
        check_dataset.main(configured(description, *words, *files))
    assert stop.value.code == 1
    said = capsys.readouterr().out
    assert "error: names that the text encoder does not take (1)" in said
    assert "  WordVectors: red star: " in said

    with pytest.raises(SystemExit) as stop:
        check_dataset.main(configured(description, *words))
    assert stop.value.code == 1
    assert "error: the text encoder cannot be had (1)" in capsys.readouterr().out


def test_a_name_takes_the_role_its_configuration_gives_it(description, capsys):
    check_dataset.main(["lawn_val", *configured(description)])
    said = capsys.readouterr().out
    assert "evaluation" in said and "training" not in said
    swapped = [*configured(description), "DATASETS.TRAIN", "['lawn_val']", "DATASETS.TEST", "[]"]
    check_dataset.main(swapped)
    assert "evaluation" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is nothing to check"),
        (["a.yaml", "--jobs", "0"], "--jobs: expected a number from 1 on, but got '0'"),
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        check_dataset.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.yaml", r"there is no dataset description nowhere\.yaml"),
        ("shapes_mixed_tset", "no dataset is called 'shapes_mixed_tset'"),
    ],
)
def test_what_is_no_dataset_is_told_in_a_line(given, message):
    with pytest.raises(SystemExit, match=f"error: {message}"):
        check_dataset.main([given])
