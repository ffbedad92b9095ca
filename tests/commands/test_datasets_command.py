"""`zs3 datasets` as users see it."""

from __future__ import annotations

import json

import pytest

from zs3.commands import datasets
from zs3.data import image_set
from zs3.data.datasets import IMAGE_SETS, register_all


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path))
    register_all()
    return tmp_path


def listed(capsys, *arguments):
    datasets.main([*arguments, "--json"])
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_every_dataset_is_listed(root, capsys):
    rows = listed(capsys)
    assert {s.name(split) for s in IMAGE_SETS for split in s.splits} < set(rows)
    assert rows["voc2012_15-5_train"] == {
        "name": "voc2012_15-5_train",
        "classes": 20,
        "seen": 15,
        "unseen": 5,
        "expected": 10582,
        "images": 0,
        "label_maps": 0,
        "status": "not there",
        "command": "python datasets/prepare/voc2012.py",
    }
    shapes = rows["shapes_mixed_test"]
    assert (shapes["status"], shapes["expected"], shapes["command"]) == ("ready", None, "")


def test_the_status_follows_the_files(root, capsys, monkeypatch):
    monkeypatch.setattr(image_set, "image_list", {"voc2012_val": (("a", ()), ("b", ()))}.get)
    images = root / "VOCdevkit" / "VOC2012" / "JPEGImages"
    labels = root / "zs3" / "labels" / "voc20"
    statuses = []
    for folder, extension in ((images, ".jpg"), (labels, ".png")):
        folder.mkdir(parents=True)
        for image in "ab":
            (folder / f"{image}{extension}").touch()
        row = listed(capsys, "voc2012_15-5_val")["voc2012_15-5_val"]
        statuses.append((row["status"], row["images"], row["label_maps"], bool(row["command"])))
    assert statuses == [("images only", 2, 0, True), ("ready", 2, 2, False)]


def test_the_table_names_the_folder_and_the_script(root, capsys):
    datasets.main(["ade20k847"])
    said = capsys.readouterr().out
    assert "ade20k847_572-275_val" in said and "0/2000" in said and "275" in said
    assert "python datasets/prepare/ade20k847.py" in said and str(root) in said
    assert "voc2012" not in said


def test_nothing_is_cut_however_narrow_the_terminal(root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    rows = listed(capsys)
    datasets.main([])
    said = capsys.readouterr().out
    assert "…" not in said
    for row in rows.values():
        assert f" {row['name']} " in said and row["command"] in said


def test_a_name_that_no_dataset_has(root):
    with pytest.raises(SystemExit, match="error: no dataset has 'cityscapes' in its name"):
        datasets.main(["cityscapes"])
