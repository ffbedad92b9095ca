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


def test_label_maps_can_be_looked_at(prepare, tmp_path):
    prepare("--output", tmp_path, "--count", 1, "--set", "train", "--split", "combination")
    with Image.open(tmp_path / "labels" / "00000.png") as picture:
        assert picture.mode == "P"
    scene = draw_scene(1, 0, unseen_names("combination"))
    np.testing.assert_array_equal(read_label(tmp_path / "labels" / "00000.png"), scene.label)
