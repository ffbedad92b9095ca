"""Catalogs of datasets and of what is known about them."""

from __future__ import annotations

import copy
import pickle

import pytest


@pytest.fixture
def catalogs(runtime):
    """Both catalogs; the names "lamps" and "chairs" are free before and after."""
    datasets, metadata = runtime.data.DatasetCatalog, runtime.data.MetadataCatalog
    yield datasets, metadata
    for catalog in (datasets, metadata):
        for name in ("lamps", "chairs"):
            if name in catalog:
                catalog.remove(name)


def test_register_get_list_remove(catalogs):
    datasets, _ = catalogs
    datasets.register("lamps", lambda: [{"file_name": "a.png"}])
    datasets.register("chairs", list)
    assert datasets.get("lamps") == [{"file_name": "a.png"}]
    assert [name for name in datasets.list() if name in ("lamps", "chairs")] == ["lamps", "chairs"]
    datasets.remove("lamps")
    assert "lamps" not in datasets
    assert "chairs" in datasets


def test_a_name_cannot_be_taken_twice(catalogs):
    datasets, _ = catalogs
    datasets.register("lamps", list)
    with pytest.raises((ValueError, AssertionError), match="'lamps' is already registered"):
        datasets.register("lamps", list)


def test_an_unknown_name_is_refused_with_those_there_are(catalogs):
    datasets, _ = catalogs
    datasets.register("lamps", list)
    with pytest.raises(KeyError, match=r"'chairs' is not registered.*lamps"):
        datasets.get("chairs")


def test_metadata_are_made_when_first_asked_for_and_stay(catalogs):
    _, metadata = catalogs
    lamps = metadata.get("lamps")
    assert lamps.name == "lamps"
    assert lamps.set(stuff_classes=["a", "b"], ignore_label=255) is lamps
    lamps.evaluator_type = "zero_shot"
    assert metadata.get("lamps") is lamps
    assert lamps.stuff_classes == ["a", "b"]
    assert lamps.as_dict() == {
        "name": "lamps",
        "stuff_classes": ["a", "b"],
        "ignore_label": 255,
        "evaluator_type": "zero_shot",
    }
    assert "lamps" in metadata.list()


def test_metadata_can_be_set_again_but_not_changed(catalogs):
    _, metadata = catalogs
    lamps = metadata.get("lamps").set(ignore_label=255)
    lamps.ignore_label = 255
    with pytest.raises((ValueError, AssertionError), match="cannot be set to a different value"):
        lamps.ignore_label = 0


def test_metadata_say_what_is_missing(catalogs):
    _, metadata = catalogs
    lamps = metadata.get("lamps").set(ignore_label=255)
    assert lamps.get("unseen", ["a"]) == ["a"]
    assert not hasattr(lamps, "unseen")
    with pytest.raises(AttributeError, match=r"'unseen'.*ignore_label"):
        _ = lamps.unseen


def test_metadata_can_be_copied_and_sent_to_another_process(catalogs):
    _, metadata = catalogs
    lamps = metadata.get("lamps").set(ignore_label=255)
    assert copy.deepcopy(lamps).as_dict() == lamps.as_dict()
    assert pickle.loads(pickle.dumps(lamps)).as_dict() == lamps.as_dict()
