"""docs/datasets.md says what the table of image sets says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zs3.data.datasets import IMAGE_SETS
from zs3.data.published import class_list

DOCUMENT = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text()
ROWS = {
    row[0]: row[1:]
    for row in re.findall(
        r"^\| `(\w+)` \| ([^|]*)\| ([^|]*)\| ([^|]*)\| [^|]*\| `(\w+)\.py`", DOCUMENT, re.M
    )
}


def test_every_dataset_has_a_row():
    assert set(ROWS) == {image_set.dataset for image_set in IMAGE_SETS}


@pytest.mark.parametrize("image_set", IMAGE_SETS, ids=lambda chosen: chosen.name(""))
def test_a_row_has_the_numbers_of_its_image_set(image_set):
    classes, splits, images, script = ROWS[image_set.dataset]
    names = class_list(image_set.classes).names
    assert int(classes.split()[0].strip(",")) == len(names) - ("background" in names)
    assert script == image_set.script
    for split in filter(None, image_set.splits):
        assert split.startswith("fold") or split in splits
    if "see below" not in images:
        count = image_set.find(image_set.splits[0]).expected
        assert f"{count:,}" in images
