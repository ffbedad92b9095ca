import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zs3.data import read_label
from zs3.data.description import read_description
from zs3.data.mapper import SampleReader
from zs3.data.shapes import draw_scene, unseen_names

SCRIPT = Path(__file__).parents[2] / "datasets" / "prepare" / "shapes.py"


@pytest.fixture
def prepare(monkeypatch):
    spec = importlib.util.spec_from_file_location("prepare_shapes", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["shapes.py", *map(str, arguments)])
        module.main()

    return run


def test_what_is_written_is_a_dataset(prepare, tmp_path, capsys):
    prepare("--output", tmp_path / "photos", "--count", 5)
    assert "photos.yaml" in capsys.readouterr().out
    dataset = read_description(tmp_path / "photos" / "photos.yaml")
    assert dataset.vocabulary.unseen == unseen_names("mixed")
    train, val = dataset.samples("train"), dataset.samples("val")
    assert (len(train), len(val)) == (4, 1)
    reader = SampleReader(
        dataset.vocabulary, dataset.classes.ignore_label, dataset.classes.of_value
    )
    for sample in (*train, *val):
        scene = draw_scene(2, int(sample["image_id"]))
        image, label = reader(sample)
        np.testing.assert_array_equal(image, scene.image)
        np.testing.assert_array_equal(label, scene.label)


def files(folder):
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_what_it_has_written_it_replaces(prepare, tmp_path):
    prepare("--output", tmp_path / "garden", "--count", 4)
    prepare("--output", tmp_path / "garden", "--count", 2, "--split", "combination")
    assert list(files(tmp_path / "garden")) == [
        *("garden.yaml", "images/00000.png", "images/00001.png"),
        *("labels/00000.png", "labels/00001.png"),
    ]
    dataset = read_description(tmp_path / "garden/garden.yaml")
    assert dataset.vocabulary.unseen == unseen_names("combination")


@pytest.mark.parametrize(
    "change", ["garden.yaml", "images/00000.png", "labels/00000.png", "images/mine.jpg", "task.zip"]
)
def test_a_folder_of_ones_own_is_refused_and_kept(prepare, tmp_path, change):
    prepare("--output", tmp_path / "garden", "--count", 1)
    with (tmp_path / "garden" / change).open("ab") as file:
        file.write(b"# mine")
    before = files(tmp_path / "garden")
    with pytest.raises(SystemExit, match=r"error: .*garden holds files that this script has not"):
        prepare("--output", tmp_path / "garden", "--count", 1)
    assert files(tmp_path / "garden") == before


def test_photos_without_a_description_are_refused(prepare, tmp_path):
    (tmp_path / "garden/images").mkdir(parents=True)
    (tmp_path / "garden/images/00000.png").touch()
    with pytest.raises(SystemExit, match=r"garden holds files .*; choose another --output\."):
        prepare("--output", tmp_path / "garden")


def test_label_maps_can_be_looked_at(prepare, tmp_path):
    prepare("--output", tmp_path, "--count", 1, "--set", "train", "--split", "combination")
    with Image.open(tmp_path / "labels" / "00000.png") as picture:
        assert picture.mode == "P"
    scene = draw_scene(1, 0, unseen_names("combination"))
    np.testing.assert_array_equal(read_label(tmp_path / "labels" / "00000.png"), scene.label)
