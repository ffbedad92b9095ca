"""Colours that belong to names."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from zs3.data.shapes import NAMES
from zs3.inference.colours import _lab, class_colours


def hue(colour: np.ndarray) -> float:
    return 360 * colorsys.rgb_to_hsv(*(colour / 255))[0]


def test_a_name_has_one_colour_in_vocabularies_of_any_order():
    names = ("grass", "sky", "road", "building", "brick")
    colours = dict(zip(names, class_colours(names).tolist(), strict=True))
    for other in (names[::-1], names[:3], ("grass",), (*names, "red star")):
        table = dict(zip(other, class_colours(other).tolist(), strict=True))
        assert all(table[name] == colours[name] for name in names if name in table)
    np.testing.assert_array_equal(class_colours(tuple(NAMES))[::-1], class_colours(NAMES[::-1]))


@pytest.mark.parametrize(
    ("name", "degrees"),
    [("red star", 0), ("a Yellow-ish thing", 60), ("blue", 240), ("green", 120)],
)
def test_a_class_named_after_a_colour_has_it(name, degrees):
    names = ("grass", "stone", name)
    assert abs((hue(class_colours(names)[2]) - degrees + 180) % 360 - 180) < 25


def test_black_and_white_are_no_colours_of_classes():
    table = class_colours(("white swan", "black cat", "gray wall"))
    assert (np.ptp(table.astype(int), axis=1) > 20).all()


@pytest.mark.parametrize("names", [tuple(NAMES), tuple(f"class {i}" for i in range(60))])
def test_colours_can_be_told_apart(names):
    lab = _lab(class_colours(names))
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert distance[~np.eye(len(names), dtype=bool)].min() > 15


def test_large_vocabularies_have_as_many_colours():
    assert len(np.unique(class_colours(tuple(f"class {i}" for i in range(847))), axis=0)) == 847
