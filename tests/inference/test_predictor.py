"""Asking a model about images: vocabularies, sizes, results."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from zs3.config import get_config
from zs3.data.augmentation import ResizeShortestEdge
from zs3.data.shapes import NAMES, draw_scene, unseen_names
from zs3.evaluation.answers import answering
from zs3.inference.predictor import Segmenter
from zs3.readout import ScoreMaps
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import IGNORE, Vocabulary

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


@pytest.mark.parametrize("kind", ["16 bits", "alpha", "palette", "turned", "gray"])
def test_a_picture_is_taken_as_its_file_would_be(segmenter, tmp_path, kind):
    rng = np.random.default_rng(0)
    picture, options = Image.fromarray(draw_scene(9, 0).image[:70, :50]), {}
    if kind == "16 bits":
        picture = Image.fromarray(rng.integers(0, 2**16, (70, 50)).astype(np.uint16))
    elif kind == "alpha":
        picture.putalpha(Image.fromarray(rng.integers(0, 256, (70, 50)).astype(np.uint8)))
    elif kind == "palette":
        picture = picture.quantize(8)
        options = {"transparency": 3}
    elif kind == "turned":
        options = {"exif": Image.Exif()}
        options["exif"][ExifTags.Base.Orientation] = 6
    else:
        picture = picture.convert("L")
    file = tmp_path / "a.png"
    picture.save(file, **options)
    with Image.open(file) as opened:
        before = opened.size
        photos = [segmenter.read(given) for given in (file, opened)]
        assert opened.size == before
    np.testing.assert_array_equal(photos[0].image, photos[1].image)
    assert photos[0].size == photos[1].size == ((50, 70) if kind == "turned" else (70, 50))


def test_a_name_is_seen_in_any_capitals_and_under_any_of_its_words(segmenter):
    asked = segmenter.vocabulary(["Grass", " sand ", "red star", "meadow"])
    assert asked.names == ("Grass", "sand", "red star", "meadow")
    assert asked.is_seen == (True, True, "red star" in SHAPES.seen, False)
    assert segmenter.vocabulary({"meadow": ["grass"]}).is_seen == (True,)
    tv = Vocabulary.of({"pottedplant": "potted plant"})
    assert Segmenter(segmenter.model, tv).vocabulary("PottedPlant").synonyms == (("potted plant",),)


def test_the_size_of_the_result_is_that_of_the_image_whatever_the_model_sees(segmenter):
    resizing = Segmenter(segmenter.model, SHAPES, ResizeShortestEdge([64], 96))
    assert resizing.segment(draw_scene(9, 0).image[:50], ["grass"]).labels.shape == (50, 96)


def test_without_scores_the_labels_are_the_same(segmenter):
    image = draw_scene(9, 1).image
    result = segmenter.segment(image, scores=False)
    assert result.scores is None
    np.testing.assert_array_equal(result.labels, segmenter.segment(image).labels)


def test_a_threshold_that_nothing_is_below_or_above_is_refused(segmenter):
    with pytest.raises(ValueError, match="none_below is nan; expected a score"):
        segmenter.request("grass", none_below=math.nan)


@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("none_below", [None, 0.5])
def test_labels_are_those_of_an_evaluation_where_scores_saturate(
    segmenter, monkeypatch, scores, none_below
):
    logits = torch.tensor([40.0, 90.0, 60.0])[:, None, None].expand(3, 32, 32)
    maps = ScoreMaps(logits.sigmoid().__getitem__, 3, (32, 32), order=logits.__getitem__)
    assert (logits.sigmoid() == 1).all()
    monkeypatch.setattr(segmenter.model, "predict", lambda inputs: [maps])
    image = np.zeros((32, 32, 3), np.uint8)
    result = segmenter.segment(image, "grass, sand, water", scores, none_below=none_below)
    evaluated = answering(segmenter.model)([{}])[0]["labels"]
    assert (result.labels == 1).all() and (evaluated == 1).all()


@pytest.mark.parametrize("scores", [True, False])
def test_scores_that_are_no_numbers_are_refused(segmenter, monkeypatch, scores):
    nan = torch.full((2, 32, 32), torch.nan)
    maps = ScoreMaps(nan.__getitem__, 2, (32, 32))
    monkeypatch.setattr(segmenter.model, "predict", lambda inputs: [maps])
    with pytest.raises(ValueError, match="contain NaN"):
        segmenter.segment(np.zeros((32, 32, 3), np.uint8), "grass, sand", scores)


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


def test_a_list_gives_a_list_and_a_folder_gives_its_images_one_by_one(segmenter, tmp_path, caplog):
    (tmp_path / "deep").mkdir()
    images = [draw_scene(9, i).image for i in range(2)]
    for image, name in zip(images, ("a.png", "deep/b.png"), strict=True):
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "broken.png").touch()

    listed = segmenter.segment(images, ["grass", "sand"])
    assert isinstance(listed, list) and [result.file for result in listed] == [None, None]
    found = segmenter.segment(tmp_path, ["grass", "sand"], scores=False)
    assert iter(found) is found
    with caplog.at_level("WARNING"):
        results = list(found)
    assert "skipped: " in caplog.text and "broken.png" in caplog.text
    assert [result.file.name for result in results] == ["a.png", "b.png"]
    for one, other in zip(listed, results, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)


def test_a_batch_of_equal_images_is_as_one_by_one(segmenter):
    images = [draw_scene(9, i).image for i in range(3)] + [draw_scene(9, 3).image[:80]]
    together = segmenter.segment(images, batch=2)
    for image, result in zip(images, together, strict=True):
        alone = segmenter.segment(image)
        np.testing.assert_array_equal(result.labels, alone.labels)
        np.testing.assert_allclose(result.scores, alone.scores, atol=1e-5)


def test_pixels_without_a_good_score_are_none(segmenter):
    image = draw_scene(9, 0).image
    plain = segmenter.segment(image, ["grass", "sand", "red star"])
    threshold = float(np.median(plain.scores.max(0)))
    expected = np.where(plain.scores.max(0) < threshold, IGNORE, plain.labels)
    for scores in (True, False):
        result = segmenter.segment(
            image, ["grass", "sand", "red star"], scores, none_below=threshold
        )
        np.testing.assert_array_equal(result.labels, expected)
    assert 0.4 < sum(result.found.values()) < 0.6


def test_names_of_the_background_compete_but_are_none(segmenter):
    image = draw_scene(9, 0).image
    plain = segmenter.segment(image, ["grass", "sand", "water", "red star"])
    result = segmenter.segment(image, ["grass", "sand"], background="water, red star, grass")
    assert result.names == ("grass", "sand", "water", "red star")
    np.testing.assert_array_equal(result.labels, np.where(plain.labels == 1, 1, IGNORE))


def test_a_large_photo_is_worked_on_smaller_and_its_labels_are_enlarged(
    segmenter, tmp_path, monkeypatch
):
    monkeypatch.setattr("zs3.inference.predictor.WORKING_PIXELS", 60 * 80)
    image = draw_scene(9, 0).image[:72].repeat(5, 0).repeat(5, 1)
    Image.fromarray(image).save(tmp_path / "large.png")
    for given in (image, tmp_path / "large.png"):
        result = segmenter.segment(given, ["grass", "sand"])
        assert result.image.shape == (60, 80, 3) and result.scores.shape == (2, 60, 80)
        assert result.labels.shape == (360, 480)
        small = segmenter.segment(result.image, ["grass", "sand"])
        np.testing.assert_array_equal(result.labels, small.labels.repeat(6, 0).repeat(6, 1))


def test_no_side_that_the_model_sees_exceeds_the_bound(segmenter):
    seen = []
    bounded = Segmenter(segmenter.model, SHAPES, max_size=64)
    forward = segmenter.model.backbone.register_forward_pre_hook(
        lambda module, images: seen.append(images[0].shape[2:])
    )
    assert bounded.segment(draw_scene(9, 0).image[:48], ["grass"]).labels.shape == (48, 96)
    assert bounded.segment(np.zeros((1, 500, 3), np.uint8), ["grass"]).labels.shape == (1, 500)
    forward.remove()
    assert seen == [(32, 64), (32, 64)]


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (70, 1)])
@pytest.mark.parametrize("min_size", [0, 40])
def test_the_narrowest_images(segmenter, tmp_path, size, min_size):
    Image.fromarray(draw_scene(9, 0).image[: size[0], : size[1]]).save(tmp_path / "narrow.png")
    resizing = Segmenter(segmenter.model, SHAPES, ResizeShortestEdge([min_size], 1333))
    result = resizing.segment(tmp_path / "narrow.png")
    assert result.labels.shape == size and result.overlay().size


def test_half_precision_says_nearly_the_same(segmenter):
    half = Segmenter(segmenter.model, SHAPES, half=True)
    image = draw_scene(9, 0).image
    rough, exact = half.segment(image), segmenter.segment(image)
    assert rough.scores.dtype == np.float32
    assert (rough.scores != exact.scores).any()
    np.testing.assert_allclose(rough.scores, exact.scores, atol=0.02)
    assert (half.segment(image, scores=False).labels == exact.labels).mean() > 0.9


def test_a_name_that_is_too_long_is_refused(segmenter):
    with pytest.raises(ValueError, match=r"the prompt '.* has more than the \d+ tokens .* shorten"):
        segmenter.rehearse(segmenter.request(["grass", "very " * 100 + "long"]))
