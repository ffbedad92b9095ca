import copy

import numpy as np
import pytest
from PIL import Image

from zs3.data.annotations.coco_panoptic import CocoPanoptic

DOCUMENT = {
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
    "categories": [{"id": 200, "name": "grass"}, {"id": 17, "name": "cat"}],
    "annotations": [
        {
            "image_id": 7,
            "file_name": "a.png",
            "segments_info": [
                {"id": 5, "category_id": 17},
                {"id": 70000, "category_id": 17},
                {"id": 300, "category_id": 200},
            ],
        }
    ],
}


def write_png(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.array(ids)
    Image.fromarray(
        np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1).astype(np.uint8)
    ).save(path)


@pytest.mark.parametrize("folder", ["panoptic", "."])
def test_segments_become_their_categories(tmp_path, photos, folder):
    write_png(tmp_path / folder / "a.png", [[5, 300, 0], [70000, 300, 300]])
    source = CocoPanoptic(tmp_path / "panoptic.json", DOCUMENT)
    assert source.names == ("grass", "cat")
    assert source.notes == (f"{tmp_path}/panoptic.json: 1 image without annotation",)
    images = photos("a.jpg")
    labels = source.pair(images).labels["a"].read(images["a"])
    assert labels.tolist() == [[1, 0, 2], [1, 0, 0]]  # 2: unlabelled


def test_a_segment_without_description_is_refused(tmp_path, photos):
    write_png(tmp_path / "a.png", [[5, 6], [6, 7]])
    images = photos("a.jpg")
    labels = CocoPanoptic(tmp_path / "p.json", DOCUMENT).pair(images).labels["a"]
    with pytest.raises(ValueError, match=r"a\.png holds 2 segments that \S*p\.json .* as id 6"):
        labels.read(images["a"])


def test_a_missing_png_is_told_when_it_is_read(tmp_path, photos):
    images = photos("a.jpg")
    labels = CocoPanoptic(tmp_path / "p.json", DOCUMENT).pair(images).labels["a"]
    with pytest.raises(FileNotFoundError, match=r"a\.png does not exist; expected a colour-coded"):
        labels.read(images["a"])


@pytest.mark.parametrize(
    ("key", "value"), [("image_id", 9), ("segments_info", [{"id": 1, "category_id": 3}])]
)
def test_annotations_of_nothing_are_refused(tmp_path, key, value):
    document = copy.deepcopy(DOCUMENT)
    document["annotations"][0][key] = value
    with pytest.raises(ValueError, match=r"'a\.png' is about image .* not all in the file"):
        CocoPanoptic(tmp_path / "p.json", document)


def test_it_is_told_from_instances():
    assert CocoPanoptic.recognises(DOCUMENT)
    for other in ({"annotations": []}, {"annotations": [{"segmentation": []}]}, [DOCUMENT], None):
        assert not CocoPanoptic.recognises(other)
