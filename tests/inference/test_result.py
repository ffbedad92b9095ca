"""What a result shows, and the files it becomes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from zs3.data.reading import read_image, read_label
from zs3.inference.coco import save_coco
from zs3.inference.colours import class_colours
from zs3.inference.result import Segmentation
from zs3.vocabulary import IGNORE

NAMES = ("a", "b", "c")
LABELS = np.array([[2, 2, IGNORE], [0, 2, 0]], np.uint16)
RESULT = Segmentation(np.zeros((2, 3, 3), np.uint8), LABELS, NAMES)


def with_scores() -> Segmentation:
    scores = np.stack([np.full((2, 3), 0.2), np.zeros((2, 3)), np.full((2, 3), 0.5)])
    scores[2, 1, 1] = 0.8
    return Segmentation(RESULT.image, LABELS, NAMES, scores.astype(np.float32))


def test_found_lists_shares_largest_first():
    assert list(RESULT.found.items()) == [("c", pytest.approx(3 / 6)), ("a", pytest.approx(2 / 6))]


def test_saved_labels_are_the_labels(tmp_path):
    RESULT.save(tmp_path / "labels.png")
    saved = read_label(tmp_path / "labels.png")
    np.testing.assert_array_equal(saved, [[2, 2, 255], [0, 2, 0]])
    with Image.open(tmp_path / "labels.png") as file:
        colours = np.asarray(file.convert("RGB"))
    np.testing.assert_array_equal(colours[0, 0], class_colours(NAMES)[2])
    np.testing.assert_array_equal(colours[0, 2], [0, 0, 0])


def test_large_vocabularies_are_saved_with_sixteen_bits(tmp_path):
    names = tuple(map(str, range(300)))
    Segmentation(RESULT.image, LABELS + 0, names).save(tmp_path / "labels.png")
    np.testing.assert_array_equal(read_label(tmp_path / "labels.png"), LABELS)


@pytest.mark.parametrize("names", [NAMES, tuple(map(str, range(300)))])
def test_labels_of_reduced_photos_are_enlarged_everywhere_alike(tmp_path, names):
    large = Segmentation(RESULT.image, LABELS, names, size=(5, 7))
    assert large.labels.shape == (5, 7)
    np.testing.assert_array_equal(large.labels[:, 0], [2, 2, 0, 0, 0])
    large.save(tmp_path / "labels.png")
    none = 255 if len(names) < 255 else IGNORE
    expected = np.where(large.labels == IGNORE, none, large.labels)
    np.testing.assert_array_equal(read_label(tmp_path / "labels.png"), expected)
    assert large.to_hf()[0]["mask"].size == (7, 5)


def test_an_overlay_has_the_size_of_the_image_that_was_worked_on(tmp_path):
    image, labels = np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.uint16)
    large = Segmentation(image, labels, NAMES, size=(600, 800))
    assert large.overlay().shape[1] == 400
    large.save_overlay(tmp_path / "overlay.png")
    np.testing.assert_array_equal(read_image(tmp_path / "overlay.png"), large.overlay())


def test_files_are_what_their_names_say(tmp_path):
    for save in (RESULT.save, RESULT.save_overlay):
        with pytest.raises(ValueError, match=r"picture\.jpg' must end in \.png"):
            save(tmp_path / "picture.jpg")
    with pytest.raises(ValueError, match=r"scores\.npy' must end in \.npz"):
        with_scores().save_scores(tmp_path / "scores.npy")
    with pytest.raises(ValueError, match="there are no scores to save"):
        RESULT.save_scores(tmp_path / "scores.npz")
    assert not list(tmp_path.iterdir())


def test_scores_are_saved_with_their_names(tmp_path):
    with_scores().save_scores(tmp_path / "scores.npz")
    saved = np.load(tmp_path / "scores.npz")
    assert saved["names"].tolist() == list(NAMES)
    assert saved["scores"].dtype == np.float16
    np.testing.assert_array_equal(saved["scores"], with_scores().scores.astype(np.float16))


def test_segments_as_hugging_face_gives_them():
    first, second = with_scores().to_hf()
    assert (first["label"], second["label"]) == ("a", "c")
    assert first["score"] == pytest.approx(0.2)
    assert second["score"] == pytest.approx((0.5 + 0.5 + 0.8) / 3)
    assert second["mask"].mode == "L" and second["mask"].size == (3, 2)
    np.testing.assert_array_equal(np.asarray(second["mask"]), 255 * (LABELS == 2))
    assert [segment["score"] for segment in RESULT.to_hf()] == [None, None]


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools' own, in decoding
def test_masks_as_coco_reads_them(tmp_path):
    save_coco(RESULT, tmp_path / "a.json")
    dataset = COCO(str(tmp_path / "a.json"))
    first, second = dataset.loadAnns(dataset.getAnnIds())
    assert (first["category_id"], second["category_id"]) == (0, 2)
    np.testing.assert_array_equal(dataset.annToMask(second), LABELS == 2)
    assert (second["area"], second["bbox"]) == (3, [0, 0, 2, 2])
    assert json.loads((tmp_path / "a.json").read_text())["images"][0]["width"] == 3
    assert [category["name"] for category in dataset.loadCats([0, 1, 2])] == list(NAMES)
