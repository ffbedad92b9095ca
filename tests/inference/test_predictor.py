"""Asking a model about images: vocabularies, sizes, results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zs3.config import get_config
from zs3.data.reading import read_image, read_label
from zs3.data.shapes import NAMES, draw_scene, unseen_names
from zs3.inference.predictor import Segmentation, Segmenter
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

SPNET = Path(__file__).parents[2] / "configs" / "shapes" / "spnet.yaml"
SHAPES = Vocabulary.of(NAMES, unseen_names("mixed"))


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(ZeroShotSegmentor(get_config(SPNET, ["MODEL.DEVICE", "cpu"])), SHAPES)


def test_an_array_a_file_and_a_picture_are_the_same_image(segmenter, tmp_path):
    image = draw_scene(9, 0).image[:70, :50]
    Image.fromarray(image).save(tmp_path / "a.png")
    results = [
        segmenter.segment(given, ["red star", "grass", "sand"])
        for given in (image, tmp_path / "a.png", str(tmp_path / "a.png"), Image.fromarray(image))
    ]
    for result in results:
        assert result.names == ("red star", "grass", "sand")
        assert result.labels.shape == (70, 50) and result.scores.shape == (3, 70, 50)
        np.testing.assert_array_equal(result.labels, results[0].labels)
        np.testing.assert_array_equal(result.scores.argmax(0), result.labels)


def test_the_size_of_the_result_is_that_of_the_image_whatever_the_model_sees(segmenter):
    resizing = Segmenter(segmenter.model, SHAPES, min_size=64, max_size=96)
    assert resizing.segment(draw_scene(9, 0).image[:50], ["grass"]).labels.shape == (50, 96)


def test_without_scores_the_labels_are_the_same(segmenter):
    image = draw_scene(9, 1).image
    result = segmenter.segment(image, scores=False)
    assert result.scores is None
    np.testing.assert_array_equal(result.labels, segmenter.segment(image).labels)


def test_names_the_training_data_had_keep_what_they_were_there(segmenter):
    vocabulary = segmenter.vocabulary("grass, blue star, a spoon")
    assert vocabulary.names == ("grass", "blue star", "a spoon")
    assert vocabulary.seen == ("grass",)  # a star has no training masks, a spoon is not known

    trained = Vocabulary.of(["pottedplant", "cat"], prompts={"pottedplant": "potted plant"})
    asked = Segmenter(segmenter.model, trained).vocabulary(["cat", "pottedplant"])
    assert asked.synonyms == (("cat",), ("potted plant",))
    own = Segmenter(segmenter.model, trained).vocabulary({"pottedplant": "fern"})
    assert own.synonyms == (("fern",),)


def test_without_a_request_all_trained_names_are_meant(segmenter):
    assert segmenter.vocabulary() == SHAPES
    with pytest.raises(ValueError, match=r"knows no class names.*classes="):
        Segmenter(segmenter.model).vocabulary()


@pytest.mark.parametrize(
    ("classes", "message"),
    [("", "at least one class name"), (["a", "a"], "must be unique"), ([" "], "non-empty")],
)
def test_bad_names_are_refused(segmenter, classes, message):
    with pytest.raises(ValueError, match=message):
        segmenter.segment(draw_scene(9, 0).image, classes)


def test_an_array_of_another_kind_is_refused(segmenter):
    with pytest.raises(
        ValueError, match=r"\(H, W, 3\) uint8 RGB, but this one is \(4, 5\) float64"
    ):
        segmenter.segment(np.zeros((4, 5)), ["grass"])


def test_found_lists_shares_largest_first():
    labels = np.array([[2, 2, 2], [0, 2, 0]])
    result = Segmentation(np.zeros((2, 3, 3), np.uint8), labels, ("a", "b", "c"))
    assert list(result.found.items()) == [("c", pytest.approx(4 / 6)), ("a", pytest.approx(2 / 6))]


def test_saved_labels_are_the_labels(tmp_path):
    labels = np.array([[2, 2, 1], [0, 2, 0]])
    result = Segmentation(np.zeros((2, 3, 3), np.uint8), labels, ("a", "b", "c"))
    result.save(tmp_path / "labels.png")
    result.save_overlay(tmp_path / "overlay.png")
    np.testing.assert_array_equal(read_label(tmp_path / "labels.png"), labels)
    assert read_image(tmp_path / "overlay.png").dtype == np.uint8
    with pytest.raises(ValueError, match=r"overlay\.jpg' must end in \.png"):
        result.save_overlay(tmp_path / "overlay.jpg")
