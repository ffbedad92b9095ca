"""The table of image sets: names, metadata, samples, and what is said where files are missing."""

from __future__ import annotations

import os
from collections import Counter

import publishers
import pytest

from zs3.data import load_dataset, vocabulary_of
from zs3.data.datasets import IMAGE_SETS, register_all
from zs3.data.published import class_list
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

NAMES = [image_set.name(split) for image_set in IMAGE_SETS for split in image_set.splits]


@pytest.fixture(autouse=True)
def registered():
    register_all()
    register_all()  # twice is once


def test_names_are_unique_and_systematic():
    assert len(set(NAMES)) == len(NAMES)
    assert {
        "voc2012_15-5_train",
        "voc2012_val",
        "cocostuff_156-15_val",
        "coco20i_fold3_val",
    } <= set(NAMES)


def test_registering_looks_for_no_data(monkeypatch):
    for name in NAMES:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
    monkeypatch.setattr(os, "listdir", None)
    register_all()
    assert set(NAMES) <= set(DatasetCatalog.list())


@pytest.mark.parametrize("image_set", IMAGE_SETS, ids=lambda chosen: chosen.name(""))
def test_metadata_is_what_models_and_evaluators_read(image_set):
    for split in image_set.splits:
        metadata = MetadataCatalog.get(image_set.name(split))
        vocabulary = vocabulary_of(image_set.name(split))
        classes = class_list(image_set.classes)
        assert vocabulary.names == classes.names
        assert set(vocabulary.unseen) == set(image_set.unseen(split)) == set(metadata.unseen)
        assert metadata.ignore_label == classes.ignore_label not in range(len(vocabulary))
        is_of_episodes = split.startswith("fold")
        assert metadata.evaluator_type == ("episodes" if is_of_episodes else "sem_seg")
        assert metadata.get("label_values") is None  # label maps hold the index itself
        assert len(metadata.get("palette") or vocabulary.names) == len(vocabulary)
        kinds = metadata.get("kinds", {}).values()
        assert {name for names in kinds for name in names} <= set(vocabulary.unseen)


def test_words_for_text_encoders():
    assert vocabulary_of("voc2012_15-5_val").synonyms[15] == ("potted plant",)
    assert vocabulary_of("voc20_val").synonyms[15] == ("pottedplant",)
    assert vocabulary_of("context59_val").synonyms[39] == ("potted plant",)
    assert vocabulary_of("pc59_val").synonyms[39] == ("pottedplant",)
    assert vocabulary_of("pc59_val").synonyms[49] == ("diningtable",)
    assert ("pottedplant",) in vocabulary_of("context459_val").synonyms
    assert vocabulary_of("ade20k847_val").synonyms[1] == ("building", "edifice")


def test_unseen_things_and_stuff_are_scored_apart():
    kinds = MetadataCatalog.get("cocostuff_156-15_val").kinds
    assert kinds["thing"][:2] == ["cow", "giraffe"] and len(kinds["thing"]) == 7
    assert kinds["stuff"][-1] == "wall-concrete" and len(kinds["stuff"]) == 8
    assert MetadataCatalog.get("cocostuff_val").kinds == {}


def test_what_stands_for_background_in_voc20b():
    metadata = MetadataCatalog.get("voc20b_val")
    assert metadata.stuff_classes[0] == "background" and len(metadata.background_names) == 39
    assert metadata.background_names[0] == "bag" and metadata.background_names[-1] == "wood"
    assert not set(metadata.background_names) & set(metadata.stuff_classes)


def test_training_episodes_show_seen_classes_only():
    train = next(s for s in IMAGE_SETS if s.name("") == "pascal5i_train")
    names = class_list(train.classes).names
    for split, count in zip(train.splits, (11394, 10255, 7797, 11594), strict=True):
        labels = Counter(entry.label for entry in train.entries(split))
        assert sum(labels.values()) == count
        assert {names[k] for k in labels} == {*names[1:]} - {*train.unseen(split)}


def test_training_images_of_coco_20i_are_as_many_as_published():
    train = next(s for s in IMAGE_SETS if s.name("") == "coco20i_train")
    found = [train.find(split).expected for split in train.splits]
    assert found == [62040, 74381, 73035, 73808]


def test_test_episodes_are_the_published_sequence():
    pascal, coco = (
        next(s for s in IMAGE_SETS if s.name("") == f"{name}_val")
        for name in ("pascal5i", "coco20i")
    )
    episodes = pascal.entries("fold2")
    assert len(episodes) == 1000 and episodes[725:] == episodes[:275]
    assert episodes[0] == ("2007_000129", 15)
    episodes = coco.entries("fold0")
    assert len(episodes) == 1000 and episodes[0] == ("COCO_val2014_000000507081", 73)


def test_samples_name_files_below_the_root(root, small):
    publishers.cocostuff(root)
    small(counts=(2, 1))
    assert load_dataset("cocostuff182_val") == [
        {
            "file_name": str(root / "coco/val2017/000000000139.jpg"),
            "sem_seg_file_name": str(root / "coco/stuffthingmaps/val2017/000000000139.png"),
            "image_id": "000000000139",
        }
    ]


def test_the_root_is_a_folder_named_datasets_by_default(monkeypatch, tmp_path):
    monkeypatch.delenv("DETECTRON2_DATASETS", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="are in datasets/VOCdevkit/VOC2012/JPEGImages"):
        load_dataset("voc2012_val")


def test_missing_files_are_counted_and_the_script_is_named(root, small):
    with pytest.raises(
        FileNotFoundError,
        match=r"'voc2012_15-5_val': 0 of 1449 images are in .*JPEGImages; "
        r"`python datasets/prepare/voc2012\.py` prepares it",
    ):
        load_dataset("voc2012_15-5_val")
    publishers.cocostuff(root)
    small(counts=(2, 1))
    with pytest.raises(FileNotFoundError, match=r"0 of 2 label maps are in .*coco171/train2017"):
        load_dataset("cocostuff_156-15_train")
    small(counts=(3, 1))
    with pytest.raises(FileNotFoundError, match="2 of 3 images"):
        load_dataset("cocostuff_156-15_train")
