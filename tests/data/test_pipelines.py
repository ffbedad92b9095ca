"""Published orders of augmentation, by their sizes and by what fills the border."""

from __future__ import annotations

import numpy as np
import pytest

from zs3.config import get_config
from zs3.data.augmentation import ResizeShortestEdge
from zs3.data.pillow_augmentation import RandomRotate, RandomScale
from zs3.data.pipelines import PIPELINES, build_augmentations, build_test_resize

IMAGE = np.full((30, 40, 3), 200, np.uint8)
LABEL = np.arange(30 * 40).reshape(30, 40) % 7


def config(pipeline, *opts):
    return get_config(None, ["INPUT.PIPELINE", pipeline, *map(str, opts)])


def crops(pipeline, *opts, count=12):
    steps = build_augmentations(config(pipeline, *opts), ignore_label=255)
    for seed in range(count):
        image, label = IMAGE, LABEL
        generator = np.random.default_rng(seed)
        for step in steps:
            image, label = step(image, label, generator)
        yield image, label


@pytest.mark.parametrize("pipeline", ["spnet", "zs3net", "sazs"])
def test_a_crop_has_its_size_and_no_foreign_label(pipeline):
    opts = [
        "INPUT.CROP.SIZE",
        "[24, 24]",
        "INPUT.MIN_SIZE_TRAIN",
        "(16,)",
        "INPUT.MIN_SIZE_TEST",
        20,
    ]
    for image, label in crops(pipeline, *opts):
        assert image.shape == (24, 24, 3) and label.shape == (24, 24)
        assert set(np.unique(label)) <= {*range(7), 255}


def test_spnets_border_is_the_mean_colour_and_the_others_are_black():
    opts = [
        "INPUT.CROP.SIZE",
        "[24, 24]",
        "INPUT.MIN_SIZE_TRAIN",
        "(16,)",
        "INPUT.MIN_SIZE_TEST",
        12,
    ]
    for pipeline, border in (("spnet", 103.53), ("zs3net", 0), ("sazs", 0)):
        blue = {round(float(image[-1, -1, 2]), 2) for image, _ in crops(pipeline, *opts, count=30)}
        assert border in blue


def test_images_are_resized_for_prediction_as_for_training():
    opts = ("INPUT.MIN_SIZE_TEST", 20, "INPUT.MAX_SIZE_TEST", 24)
    shapes = {name: build_test_resize(config(name, *opts)).image(IMAGE).shape for name in PIPELINES}
    assert shapes == {
        "detectron2": (18, 24, 3),
        "mmseg": (18, 24, 3),
        "mmseg_raw": (18, 24, 3),
        "spnet": (20, 20, 3),
        "zs3net": (20, 26, 3),  # bounds no longer side
        "sazs": (20, 20, 3),
        "lseg": (20, 20, 3),
    }
    assert isinstance(build_test_resize(config("detectron2")), ResizeShortestEdge)


def test_mmseg_samples_and_pads_with_the_mean_colour():
    opts = ["INPUT.MIN_SIZE_TRAIN", "(15,)", "INPUT.PAD_TO", 20, "INPUT.MIN_SIZE_TEST", 15]
    for image, label in crops("mmseg", *opts, count=4):
        assert image.shape == (20, 20, 3) and label.shape == (20, 20)
        assert (image[:15] == 200).all() and (label[15:] == 255).all()
        np.testing.assert_allclose(
            image[15:], np.broadcast_to([123.675, 116.28, 103.53], (5, 20, 3))
        )
    ((image, _),) = crops("mmseg_raw", *opts, count=1)
    assert image.dtype == np.uint8 and (image[:15] == 200).all() and (image[15:] == 0).all()
    # A quarter of the size: the two middle ones of four columns are read, not the white one.
    stripes = np.zeros((60, 60, 3), np.uint8)
    stripes[:, ::4] = 255
    got = build_test_resize(config("mmseg", *opts)).image(stripes)
    assert got.max() == 0
    assert build_test_resize(config("detectron2", *opts)).image(stripes).max() > 0


def test_sazs_turns_and_scales_as_far_as_it_is_told():
    steps = build_augmentations(config("sazs"), 255)
    assert steps[:2] == (RandomRotate(10, 255), RandomScale(0.5, 2.0))
    told = config("sazs", "INPUT.RANDOM_ROTATE", 0, "INPUT.RANDOM_SCALE", 4.0)
    assert build_augmentations(told, 255) == (RandomScale(0.25, 4.0), *steps[2:])
    none = config("sazs", "INPUT.RANDOM_ROTATE", 0, "INPUT.RANDOM_SCALE", 0.0)
    assert build_augmentations(none, 255) == steps[2:]


def test_lseg_squares_and_changes_nothing_else():
    for image, label in crops("lseg", "INPUT.MIN_SIZE_TEST", 20, count=2):
        assert image.shape == (20, 20, 3) and (image == 200).all()
        rows, columns = np.arange(20) * 30 // 20, np.arange(20) * 40 // 20
        np.testing.assert_array_equal(label, LABEL[np.ix_(rows, columns)])


def test_an_unknown_pipeline_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"INPUT\.PIPELINE is 'zs3nett'.*Did you mean 'zs3net'"):
        build_augmentations(config("zs3nett"), 255)
    with pytest.raises(ValueError, match="There are detectron2, mmseg, mmseg_raw, spnet, zs3net"):
        build_test_resize(config("qqq"))
