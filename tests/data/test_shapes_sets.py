import numpy as np
import pytest

from zs3.data import load_dataset, vocabulary_of
from zs3.data.datasets import shapes
from zs3.data.datasets.shapes import ShapesSet, draw_scenes, palette, shapes_samples
from zs3.data.mapper import IMAGE_ARRAY, LABEL_ARRAY, SampleReader
from zs3.data.shapes import NAMES, draw_scene, unseen_names
from zs3.runtime.data import MetadataCatalog

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def registered():
    shapes.register_shapes()
    shapes.register_shapes()  # twice is once


@pytest.mark.parametrize(("split", "unseen"), [("mixed", 11), ("combination", 7)])
def test_names_and_splits(split, unseen):
    vocabulary = vocabulary_of(f"shapes_{split}_train")
    assert vocabulary.names == NAMES
    assert len(vocabulary.unseen) == unseen
    metadata = MetadataCatalog.get(f"shapes_{split}_test")
    assert sorted(n for names in metadata.kinds.values() for n in names) == sorted(
        vocabulary.unseen
    )
    assert metadata.ignore_label == 255 and len(metadata.palette) == len(NAMES)


def test_the_test_set_is_the_published_stream():
    samples = load_dataset("shapes_mixed_test")
    assert len(samples) == 200
    scene = draw_scene(2, 17)
    image, label = SampleReader.of_dataset("shapes_mixed_test")(samples[17])
    np.testing.assert_array_equal(image, scene.image)
    np.testing.assert_array_equal(label, scene.label)


def test_only_seen_only_sets_hide_unseen_classes():
    unseen = [NAMES.index(name) for name in unseen_names("mixed")]
    shown = {}
    for seen_only in (True, False):
        samples = shapes_samples("name", "mixed", ShapesSet(1, 12, seen_only))
        shown[seen_only] = np.isin([sample[LABEL_ARRAY] for sample in samples], unseen).any()
    assert shown == {True: False, False: True}


def test_a_set_is_drawn_once(monkeypatch):
    first = shapes_samples("name", "mixed", ShapesSet(77, 2))
    monkeypatch.setattr(shapes, "draw_scene", None)
    again = shapes_samples("name", "mixed", ShapesSet(77, 2))
    assert first[1][IMAGE_ARRAY].base is again[1][IMAGE_ARRAY].base is draw_scenes(77, 2, ())[0]


def test_the_larger_training_set_begins_with_the_smaller():
    assert shapes.SETS["train_5k"].seed == shapes.SETS["train"].seed
    small, large = draw_scenes(1, 2, ()), draw_scenes(1, 3, ())
    np.testing.assert_array_equal(large[0][:2], small[0])


def test_colours_are_distinct_and_look_like_their_names():
    colours = palette()
    assert len({tuple(colour) for colour in colours}) == len(NAMES)
    red, green, _ = colours[NAMES.index("red circle")]
    assert red > 2 * green
    red, green, _ = colours[NAMES.index("green ring")]
    assert green > 2 * red


def test_episodes_ask_once_for_every_unseen_class_an_image_shows():
    images = {
        sample["file_name"].split("/")[1]: sample for sample in load_dataset("shapes_mixed_test")
    }
    episodes = load_dataset("shapes_mixed_episodes_test")
    asked = {(sample["file_name"].split("/")[1], sample["episode"]) for sample in episodes}
    unseen = unseen_names("mixed")
    shown = {
        (file, NAMES[label])
        for file, sample in images.items()
        for label in np.unique(sample[LABEL_ARRAY])
        if NAMES[label] in unseen
    }
    assert asked == shown and len(episodes) == len(shown) == 284
    assert MetadataCatalog.get("shapes_mixed_episodes_test").evaluator_type == "episodes"
    for sample in episodes[:3]:
        assert sample["vocabulary"].names == ("others", sample["episode"])
        assert sample["vocabulary"].is_seen == (True, False)
