"""Class lists, splits and image lists are what the papers say they are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from zs3.data.published import FOLDER, class_list, image_list, unseen_names

SIZES = {
    "voc20": 20,
    "voc21": 21,
    "context33": 33,
    "context59": 59,
    "context60": 60,
    "context459": 459,
    "coco171": 171,
    "coco182": 182,
    "coco81": 81,
    "ade150": 150,
    "ade847": 847,
}
SPLITS = sorted(file.stem.split("_") for file in (FOLDER / "splits").glob("*.txt"))


def test_every_class_list_is_known():
    assert {file.stem for file in (FOLDER / "classes").glob("*.tsv")} == set(SIZES)


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_class_lists(name, size):
    classes = class_list(name)
    assert len(set(classes.names)) == len(set(classes.values)) == size
    assert all(class_name == class_name.strip() for class_name in classes.names)
    assert classes.palette is None or len(classes.palette) == size
    assert classes.ignore_label == (255 if size <= 255 else 65535)


@pytest.mark.parametrize(("classes", "split"), SPLITS, ids="_".join)
def test_a_split_has_the_sizes_in_its_name(classes, split):
    names, unseen = class_list(classes).names, unseen_names(classes, split)
    assert set(unseen) < set(names) and len(set(unseen)) == len(unseen)
    if split.startswith("fold"):
        assert len(unseen) == {"voc21": 5, "coco81": 20}[classes]
    else:
        assert split.split("-")[:2] == [str(len(names) - len(unseen)), str(len(unseen))]


def test_splits_of_the_papers():
    assert unseen_names("voc20", "15-5") == ("pottedplant", "sheep", "sofa", "train", "tvmonitor")
    assert unseen_names("context33", "29-4") == ("cow", "motorbike", "sofa", "cat")
    usual = {"cow", "motorbike", "sofa", "cat", "boat", "fence", "bird", "tvmonitor", "keyboard"}
    assert set(unseen_names("context59", "49-10")) == {*usual, "aeroplane"}
    assert unseen_names("coco171", "156-15") == unseen_names("coco182", "167-15")


def test_zs3nets_splits_are_nested():
    for classes, splits in (
        ("voc21", ("19-2", "17-4", "15-6", "13-8", "11-10")),
        ("context60", ("58-2", "56-4", "54-6", "52-8", "50-10")),
    ):
        for smaller, larger in pairwise(splits):
            fewer, more = unseen_names(classes, smaller), unseen_names(classes, larger)
            assert more[: len(fewer)] == fewer


def test_cascade_clips_indices_name_the_usual_classes_in_another_order():
    voc_first, alphabetical = class_list("context60").names[1:], class_list("context59").names
    indices = [alphabetical.index(name) for name in unseen_names("context59", "49-10-cascade")]
    assert indices == [0, 2, 3, 7, 9, 13, 17, 19, 31, 37]
    assert {voc_first[k] for k in indices} == set(unseen_names("context59", "49-10"))


@pytest.mark.parametrize("classes", ["voc21", "coco81"])
def test_folds_divide_the_classes(classes):
    folds = [unseen_names(classes, f"fold{k}") for k in range(4)]
    assert sorted(sum(folds, ())) == sorted(class_list(classes).names[1:])
    step = 4 if classes == "coco81" else 1  # COCO's are interleaved
    first = [class_list(classes).names.index(name) for name in folds[1][:2]]
    assert first == ([6, 7] if step == 1 else [2, 6])


def test_values_become_labels():
    assert class_list("voc20").labels((0, 1, 20, 255)) == {0: 255, 1: 0, 20: 19, 255: 255}
    assert class_list("voc21").labels((0, 20, 255)) == {0: 0, 20: 20, 255: 255}
    # Of 459 classes, 59 and everything else.
    with_background = class_list("context60").labels(range(460))
    assert np.bincount(list(with_background.values())).tolist() == [460 - 59] + [1] * 59
    without = class_list("context59").labels(range(460))
    assert list(without.values()).count(255) == 460 - 59
    assert class_list("context459").labels((0, 1, 459)) == {0: 65535, 1: 0, 459: 458}
    coco = class_list("coco171").labels((0, 10, 11, 12, 181, 255))
    assert coco == {0: 0, 10: 10, 11: 255, 12: 11, 181: 170, 255: 255}
    assert class_list("ade150").labels((0, 1, 150)) == {0: 255, 1: 0, 150: 149}
    assert class_list("ade847").labels((2978, 1)) == {2978: 0, 1: 65535}


def test_the_same_class_has_the_same_value_in_both_lists():
    for names in (("context59", "context60"), ("voc20", "voc21"), ("coco171", "coco182")):
        smaller, larger = (
            dict(zip(c.names, c.values, strict=True)) for c in map(class_list, names)
        )
        assert smaller.items() <= larger.items()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("voc2012_train", 10582),
        ("voc2012_val", 1449),
        ("context_train", 4998),
        ("context_val", 5105),
        ("context459_val", 5104),
        ("coco20i_train", 79939),
    ],
)
def test_image_lists(name, count):
    images = [image for image, _ in image_list(name)]
    assert len(images) == len(set(images)) == count
    assert images == sorted(images)


def test_training_and_validation_share_no_image():
    for name in ("voc2012", "context"):
        train, val = ({i for i, _ in image_list(f"{name}_{part}")} for part in ("train", "val"))
        assert not train & val


def test_episodes_lie_in_vocs_own_sets():
    for part in ("train", "val"):
        images = {image for image, _ in image_list(f"voc2012_{part}")}
        assert {image for image, _ in image_list(f"pascal5i_{part}")} <= images
