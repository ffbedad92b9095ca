"""Which images are kept, and what is written about them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zs3.evaluation import Gallery
from zs3.evaluation.confusion import confusion_matrix
from zs3.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(["sky", "tree", "cat"], unseen=["cat"])
COLOURS = np.array([[1, 2, 3], [255, 0, 128], [7, 8, 9]], np.uint8)
IGNORE = 255
IMAGE = np.zeros((1, 10, 3), np.uint8)


def show(gallery, file, truth, labels):
    truth, labels = np.array([truth]), np.array([labels])
    confusion = confusion_matrix(truth, labels, 3, IGNORE)
    gallery.see(file, IMAGE, truth, labels, confusion)


def partly_found(right):
    """Ten pixels of sky, of which some are found: IoU and mIoU are 10 % each."""
    return [0] * 10, [0] * right + [1] * (10 - right)


def written(gallery):
    gallery.finish()
    return json.loads((gallery.directory / "images.json").read_text())


@pytest.fixture
def gallery(tmp_path):
    return Gallery(
        tmp_path / "set", VOCABULARY, colours=COLOURS, ignore_label=IGNORE, count=2, side=32
    )


def files(entries):
    return [(entry["file"], entry["mIoU"]) for entry in entries]


def test_the_best_and_the_worst_are_kept_in_order(gallery):
    for right in (4, 9, 1, 7, 2, 8, 5):
        show(gallery, f"{right}.jpg", *partly_found(right))
    content = written(gallery)
    assert files(content["best"]) == [("9.jpg", 90), ("8.jpg", 80)]
    assert files(content["worst"]) == [("1.jpg", 10), ("2.jpg", 20)]
    assert content["scores"] == {f"{right}.jpg": 10 * right for right in (1, 2, 4, 5, 7, 8, 9)}


def test_the_score_is_the_mean_over_the_classes_that_an_image_shows(gallery):
    # sky: 4 of 6 found and nothing else called so; tree: 1 of 2, and 2 of the sky.
    show(gallery, "a.jpg", [0] * 6 + [1, 1, 255, 255], [0, 0, 0, 0, 1, 1, 1, 2, 0, 0])
    entry = written(gallery)["worst"][0]
    assert entry["mIoU"] == round((100 * 4 / 6 + 100 * 1 / 4) / 2, 4)
    assert entry["pAcc"] == 62.5
    assert entry["classes"] == [
        {"name": "sky", "colour": "#010203", "IoU": round(100 * 4 / 6, 4)},
        {"name": "tree", "colour": "#ff0080", "IoU": 25.0},
        {"name": "cat", "colour": "#070809", "IoU": None},
    ]
    assert list(entry["pictures"]) == ["image", "truth", "prediction", "errors"]


def test_equal_scores_are_told_apart_by_name_in_whatever_order_they_come(gallery, tmp_path):
    other = Gallery(tmp_path / "other", VOCABULARY, colours=COLOURS, ignore_label=IGNORE, count=2)
    for name in "abcdef":
        show(gallery, name, *partly_found(5))
    for name in "fedcba":
        show(other, name, *partly_found(5))
    first, second = written(gallery), written(other)
    assert first == second
    assert files(first["best"]) == files(first["worst"]) == [("a", 50), ("b", 50)]


def test_of_few_images_none_is_shown_twice(gallery):
    for right in (4, 9, 1):
        show(gallery, f"{right}.jpg", *partly_found(right))
    content = written(gallery)
    assert files(content["best"]) == [("9.jpg", 90)]
    assert files(content["worst"]) == [("1.jpg", 10), ("4.jpg", 40)]


def test_an_image_without_labels_has_no_score(gallery):
    show(gallery, "empty.jpg", [255] * 10, [0] * 10)
    assert written(gallery) == {"scores": {}, "best": [], "worst": []}


def test_pictures_of_a_bounded_number_of_images_are_made(gallery, monkeypatch):
    described = []
    monkeypatch.setattr(gallery, "_described", lambda *shown: described.append(shown) or {})
    for i in range(100):
        show(gallery, f"{i:03d}.jpg", *partly_found(i % 10 + 1))
    assert len(described) < 20
    assert len(written(gallery)["scores"]) == 100


def test_a_second_round_starts_from_nothing(gallery):
    show(gallery, "first.jpg", *partly_found(3))
    gallery.reset()
    show(gallery, "second.jpg", *partly_found(4))
    assert list(written(gallery)["scores"]) == ["second.jpg"]
