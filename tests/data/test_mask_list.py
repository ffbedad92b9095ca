import numpy as np
import pytest
from pycocotools import mask as codec

from zs3.data.mask_list import MaskList

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
