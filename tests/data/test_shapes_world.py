"""The procedural world: reproducible, fully labelled, and as the split says."""

from __future__ import annotations

import numpy as np
import pytest

from zs3.data.shapes import NAMES, STUFF, THINGS, UNSEEN_KINDS, draw_scene, unseen_names


def test_the_classes_are_six_textures_and_thirty_things():
    assert len(STUFF) == 6 and len(THINGS) == 30 and len(set(NAMES)) == 36
    # id = 6 + 5 * shape + colour, shapes circle square triangle star cross ring
    assert NAMES[6] == "red circle" and NAMES[6 + 5 * 3 + 4] == "purple star"


@pytest.mark.parametrize(("split", "count"), [("mixed", 11), ("combination", 7)])
def test_a_split_is_a_list_of_names(split, count):
    unseen = unseen_names(split)
    assert len(unseen) == count and set(unseen) < set(NAMES)
    assert "gravel" in unseen
    assert sum(map(len, UNSEEN_KINDS[split].values())) == count


def test_mixed_keeps_every_colour_and_all_shapes_but_stars_seen():
    seen = set(THINGS) - set(unseen_names("mixed"))
    assert {name.split()[0] for name in seen} == {"red", "yellow", "green", "blue", "purple"}
    shapes = {"circle", "square", "triangle", "cross", "ring"}
    assert {name.split()[1] for name in seen} == shapes


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="unknown Shapes split 'hard'"):
        unseen_names("hard")


def test_a_scene_is_a_function_of_seed_and_index():
    one, two = draw_scene(4, 7), draw_scene(4, 7)
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.label, two.label)
    assert (draw_scene(4, 8).image != one.image).any()
    assert (draw_scene(5, 7).image != one.image).any()


def test_labels_and_instances_agree():
    for index in range(30):
        scene = draw_scene(11, index)
        assert scene.image.shape == (96, 96, 3) and scene.image.dtype == np.uint8
        assert 0 <= len(scene.things) <= 5 and len(scene.areas) == len(scene.things)
        np.testing.assert_array_equal(scene.instance < 0, scene.label < len(STUFF))
        for i, class_ in enumerate(scene.things):
            mask = scene.instance == i
            assert set(scene.label[mask]) <= {class_}
            # Later objects hide at most half of an earlier one.
            assert scene.areas[i] / 2 <= mask.sum() <= scene.areas[i]
        assert 2 <= len(set(scene.label[scene.label < len(STUFF)])) <= 3


def test_excluded_names_never_appear():
    hidden = unseen_names("mixed")
    for index in range(40):
        shown = {NAMES[i] for i in np.unique(draw_scene(1, index, exclude=hidden).label)}
        assert not shown & set(hidden)


def test_every_class_appears():
    shown = {int(i) for index in range(150) for i in np.unique(draw_scene(1, index).label)}
    assert shown == set(range(36))
