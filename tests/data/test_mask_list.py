import json

import numpy as np
import pytest
from pycocotools import mask as codec

from zs3.data.mask_list import MaskList, read_mask_lists

H, W = 4, 5


def test_polygons_and_both_forms_of_run_lengths_are_painted_in_order():
    left = [[0, 0, 2, 0, 2, H, 0, H]]  # columns 0 and 1
    mask = np.zeros((H, W), np.uint8)
    mask[0] = 1
    first_row = codec.encode(np.asfortranarray(mask))
    last_pixel = {"size": [H, W], "counts": [H * W - 1, 1]}
    masks = [(300, left), (7, first_row), (9, last_pixel)]
    painted = MaskList("a photo", (H, W), masks).paint()
    assert painted.dtype == np.uint16
    assert painted.tolist() == [
        [7] * 5,
        [300, 300, 0, 0, 0],
        [300, 300, 0, 0, 0],
        [300, 300, 0, 0, 9],
    ]


def test_several_polygons_of_a_mask_are_one():
    corners = [[0, 0, 1, 0, 1, 1, 0, 1], [4, 3, 5, 3, 5, 4, 4, 4]]
    painted = MaskList("a photo", (H, W), [(1, corners)]).paint()
    assert np.argwhere(painted).tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize("segmentation", [{"size": [9, 9], "counts": [81]}, {"size": [H, W]}, 3])
def test_a_broken_mask_is_refused_by_name(segmentation):
    with pytest.raises(ValueError, match=r"b\.jpg in all\.json has a mask that is broken"):
        MaskList("b.jpg in all.json", (H, W), [(1, segmentation)]).paint()


def annotations(**changes):
    content = {
        "images": [
            {"id": 7, "file_name": "a.b.jpg", "height": H, "width": W},
            {"id": 8, "file_name": "empty.jpg", "height": H, "width": W},
        ],
        "categories": [{"id": 90}, {"id": 2}],
        "masks": [{"image_id": 7, "category_id": 90, "segmentation": {"counts": [0, H * W]}}],
    }
    return json.dumps({**content, **changes})


def test_lists_are_read_by_the_names_of_the_images(tmp_path):
    (tmp_path / "all.json").write_text(annotations())
    for counted, value in ((False, 90), (True, 2)):
        found = read_mask_lists(
            tmp_path / "all.json", masks="masks", image_number="id", count_categories=counted
        )
        assert found.keys() == {"a.b"}
        assert found["a.b"].masks[0][0] == value and str(found["a.b"]).startswith("a.b.jpg in ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", r"all\.json is not the annotations .*Expecting value"),
        (annotations(images=[{"id": 7}]), "lacks 'file_name'"),
        (annotations(masks=None), "all.json is not the annotations it should be"),
        ("[]", "all.json is not the annotations it should be"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, message):
    (tmp_path / "all.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_mask_lists(tmp_path / "all.json", masks="masks", image_number="id")
