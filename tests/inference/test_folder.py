"""A folder of files in any state: the good ones are segmented, the others reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zs3.data.reading import read_image, read_label
from zs3.inference.folder import find_images, segment_files
from zs3.inference.predictor import Segmentation, Segmenter
from zs3.vocabulary import Vocabulary

NAMES = Vocabulary.of(["dark", "bright"])


class Thresholder(Segmenter):
    """Stands in for a model: bright where the red channel is above one half."""

    def __init__(self) -> None:
        pass

    def segment_batch(self, images, vocabulary, scores=False):
        arrays = [x if isinstance(x, np.ndarray) else read_image(x) for x in images]
        return [Segmentation(a, (a[..., 0] > 127).astype(int), vocabulary.names) for a in arrays]


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    image = np.zeros((6, 8, 3), np.uint8)
    image[:, 4:] = 255
    Image.fromarray(image).save(folder / "good.png")
    Image.fromarray(image).save(folder / "good.jpg")
    Image.fromarray(image).save(folder / "ein Bild.webp")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("not an image")
    (folder / "truncated.png").write_bytes((folder / "good.png").read_bytes()[:45])
    (folder / "notes.txt").write_text("ignored")
    return folder


def test_good_files_are_segmented_and_bad_ones_reported(folder, tmp_path):
    output = tmp_path / "out"
    report = segment_files(Thresholder(), find_images([folder]), output, NAMES)

    assert json.loads((output / "report.json").read_text()) == report
    assert report["classes"] == ["dark", "bright"]
    assert {Path(entry["file"]).name for entry in report["images"]} == {
        *("good.png", "good.jpg", "ein Bild.webp"),
    }
    assert {Path(entry["file"]).name for entry in report["failed"]} == {
        *("empty.jpg", "text.png", "truncated.png"),
    }
    for entry in report["failed"]:
        assert Path(entry["file"]).name in entry["reason"]
    for entry in report["images"]:
        labels = read_label(output / entry["labels"])
        np.testing.assert_array_equal(labels[:, :3], 0)
        np.testing.assert_array_equal(labels[:, 5:], 1)
        assert (output / entry["overlay"]).exists()
        assert entry["found"]["dark"] == pytest.approx(0.5, abs=0.13)


def test_files_of_one_stem_do_not_overwrite_each_other(folder, tmp_path):
    report = segment_files(Thresholder(), find_images([folder]), tmp_path / "out", NAMES)
    written = sorted(entry["labels"] for entry in report["images"])
    assert written == ["labels/ein Bild.png", "labels/good.jpg.png", "labels/good.png.png"]


def test_files_and_folders_may_be_mixed(folder):
    assert find_images([folder / "good.png", folder])[0] == folder / "good.png"
    assert (folder / "notes.txt") not in find_images([folder])


def test_nothing_to_do_is_said(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        find_images([tmp_path / "missing"])
    with pytest.raises(ValueError, match=r"no images in .*\.jpg"):
        find_images([tmp_path])
