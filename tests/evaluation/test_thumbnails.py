"""Small pictures as data URIs, looked at pixel by pixel."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from zs3.evaluation.thumbnails import ERRORS, thumbnails

IGNORE = 255
COLOURS = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)
# The class 2 is unseen.
IS_SEEN = np.array([True, True, False])
TRUTH = np.array([[0, 0, 0], [2, 2, IGNORE]])
LABELS = np.array([[0, 1, 2], [2, 0, 1]])


def decoded(uri, kind):
    head, data = uri.split(",")
    assert head == f"data:image/{kind};base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def made(image=None, side=100, truth=TRUTH, labels=LABELS):
    image = np.full((*truth.shape, 3), 200, np.uint8) if image is None else image
    return thumbnails(image, truth, labels, COLOURS, is_seen=IS_SEEN, ignore=IGNORE, side=side)


def test_label_maps_have_the_classes_colours_and_nothing_where_there_is_no_label():
    pictures = made()
    assert list(pictures) == ["image", "truth", "prediction", "errors"]
    truth, prediction = (decoded(pictures[name], "png") for name in ("truth", "prediction"))
    assert truth[0, 0].tolist() == [10, 20, 30, 255] and truth[1, 0].tolist() == [70, 80, 90, 255]
    assert truth[1, 2, 3] == 0
    assert (prediction[..., :3] == COLOURS[LABELS]).all() and (prediction[..., 3] == 255).all()


@pytest.mark.parametrize("count", [3, 256, 300])
def test_labels_of_eight_bits_are_drawn_as_others(count):
    colours = np.resize(COLOURS, (count, 3))
    truth, labels = np.where(TRUTH == IGNORE, 255, TRUTH), LABELS
    drawn = [
        thumbnails(
            np.full((2, 3, 3), 200, np.uint8),
            shown.astype(dtype),
            labels.astype(dtype),
            colours,
            is_seen=np.resize(IS_SEEN, count),
            ignore=ignore,
            side=100,
        )
        for shown, dtype, ignore in ((truth, np.uint8, 255), (TRUTH, np.int64, IGNORE))
    ]
    assert drawn[0] == drawn[1]


def test_errors_tell_which_way_a_pixel_went():
    errors = decoded(made()["errors"], "png")
    expected = [["right", "wrong", "seen as unseen"], ["right", "unseen as seen", None]]
    for y, row in enumerate(expected):
        for x, kind in enumerate(row):
            colour = ERRORS.get(kind, (0, 0, 0, 0))
            assert errors[y, x].tolist() == list(colour), (y, x)


def test_an_image_of_another_size_takes_that_of_the_labels():
    image = np.zeros((8, 12, 3), np.uint8)
    image[:, 6:] = 255
    shown = decoded(made(image)["image"], "jpeg")
    assert shown.shape == (2, 3, 3)
    assert shown[:, 0].max() < 60 and shown[:, 2].min() > 195


@pytest.mark.parametrize(("shape", "expected"), [((40, 80), (10, 20)), ((3, 90), (1, 20))])
def test_large_ones_are_reduced_to_the_longer_side(shape, expected):
    truth = np.zeros(shape, int)
    truth[:, shape[1] // 2 :] = 1
    pictures = made(truth=truth, labels=truth, side=20)
    assert decoded(pictures["image"], "jpeg").shape[:2] == expected
    shown = decoded(pictures["truth"], "png")
    assert shown.shape[:2] == expected
    # Sampled, never blended: colours in between would be other classes.
    assert {tuple(pixel[:3]) for pixel in shown.reshape(-1, 4).tolist()} == {
        (10, 20, 30),
        (40, 50, 60),
    }
