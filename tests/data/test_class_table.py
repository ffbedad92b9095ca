from pathlib import Path
from types import SimpleNamespace

import pytest

from zs3.data.class_table import ClassTable

WHERE = Path("labels.json")


def source(*names, lists_names=True):
    return SimpleNamespace(names=names or None, lists_names=lists_names)


def table(names=None, ignore=None, unlabelled=None, found=("sky", "car", "bus")):
    return ClassTable.of(names, ignore, unlabelled, lambda: found)


def of(classes, *names, elsewhere=(), **options):
    """Names in a file (the unlabelled last) -> class."""
    source_ = source(*names, **options)
    return classes.of_source(source_, WHERE, lambda: (*names, *elsewhere)).tolist()


def test_names_come_from_the_files():
    classes = table()
    assert classes.names == ("sky", "car", "bus")
    assert of(classes, "bus", "sky", "car") == [2, 0, 1, 255]


def test_a_list_restricts_and_reorders_them():
    classes = table(["bus", "sky"])
    assert classes.names == ("bus", "sky")
    assert of(classes, "sky", "car", "bus") == [1, 255, 0, 255]


def test_a_mapping_merges_and_renames_them():
    classes = table({"car": "vehicle", "sky": "sky", "bus": "vehicle"})
    assert classes.names == ("vehicle", "sky")
    assert of(classes, "sky", "car", "bus", "dog") == [1, 0, 0, 255, 255]


def test_names_in_the_files_can_be_ignored():
    classes = table(ignore=["car"])
    assert classes.names == ("sky", "bus")
    assert of(classes, "sky", "car", "bus") == [0, 255, 1, 255]


def test_what_nobody_labelled_can_be_a_class():
    assert of(table(unlabelled="sky"), "sky", "car", "bus") == [0, 1, 2, 0]
    appended = table(unlabelled="ground")
    assert appended.names == ("sky", "car", "bus", "ground")
    assert of(appended, "sky", "car", "bus") == [0, 1, 2, 3]
    assert of(table(["car", "ground"], unlabelled="ground"), "sky", "car") == [255, 0, 1]


def test_the_same_list_serves_label_maps():
    classes = table(["bus", "sky"])
    assert classes.of_source(source(), WHERE, tuple) is None
    assert classes.of_value == {0: 0, 1: 1, 255: 255}


def test_numbers_do_not_serve_names_nor_names_numbers():
    with pytest.raises(ValueError, match=r"maps numbers, but labels\.json has names: sky, car"):
        of(table({7: "sky"}), "sky", "car")
    with pytest.raises(ValueError, match=r"labels\.json holds label maps, .* without names"):
        of(table({"sky": "sky"}))
    with pytest.raises(ValueError, match="unlabelled is 'sky', but every pixel of a label map has"):
        of(table(["sky"], unlabelled="sky"))


def test_a_name_that_the_file_lacks_is_refused_if_it_lists_its_names():
    with pytest.raises(ValueError, match=r"has no label 'cra'; there are sky, car\. Did you mean"):
        of(table(["cra"]), "sky", "car")
    assert of(table(["cra"]), "sky", "car", lists_names=False) == [255, 255, 255]


def test_a_name_may_be_in_the_file_of_another_part():
    assert of(table(["car", "bus"]), "sky", "car", elsewhere=["bus"]) == [255, 0, 255]
