import numpy as np
import pytest
from pycocotools import mask as coco_mask

from zs3.data.annotations.painting import paint, runs_of_mask, runs_of_polygons, runs_of_text

H, W = 4, 6


def mask(*rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def test_a_polygon_covers_the_pixels_between_its_corners():
    square = np.array([[1, 1], [3, 1], [3, 4], [1, 4]], np.float32)
    painted = paint([(5, runs_of_polygons([square], H, W))], H, W, empty=9)
    assert painted.tolist() == [[9] * 6] + [[9, 5, 5, 9, 9, 9]] * 3
    assert painted.dtype == np.uint16


def test_polygons_of_one_instance_are_united():
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    painted = paint(
        [(1, runs_of_polygons([corner, corner + np.float32([5, 3])], H, W))], H, W, empty=0
    )
    assert np.argwhere(painted).tolist() == [[0, 0], [3, 5]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_smaller_one_lies_on_top_in_any_order(order):
    masks = [np.ones((H, W), bool), np.zeros((H, W), bool), np.zeros((H, W), bool)]
    masks[1][1:, 1:5] = True
    masks[2][2, 2] = True
    painted = paint([(i, runs_of_mask(masks[i])) for i in order], H, W, empty=9)
    assert painted.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 2, 1, 1, 0],
        [0, 1, 1, 1, 1, 0],
    ]


def test_of_equal_ones_the_later_lies_on_top():
    left, right = mask("##."), mask(".##")
    assert paint([(1, runs_of_mask(left)), (2, runs_of_mask(right))], 1, 3, 0).tolist() == [
        [1, 2, 2]
    ]
    assert paint([(2, runs_of_mask(right)), (1, runs_of_mask(left))], 1, 3, 0).tolist() == [
        [1, 1, 2]
    ]


def test_runs_go_down_the_columns():
    painted = paint([(1, np.array([2, 3, 3]))], 4, 2, 0)
    assert painted.tolist() == [[0, 1], [0, 0], [1, 0], [1, 0]]


def test_the_last_run_may_be_outside_or_inside():
    assert paint([(1, np.array([0, 2, 1]))], 1, 3, 0).tolist() == [[1, 1, 0]]
    assert paint([(1, np.array([1, 2]))], 1, 3, 0).tolist() == [[0, 1, 1]]
    assert paint([(1, np.array([3]))], 1, 3, 0).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("counts", [[2, 3], [2, 3, 4], [9, -1], []])
def test_runs_must_cover_the_image(counts):
    runs = np.array(counts, np.int64)
    with pytest.raises(ValueError, match=f"covers {sum(counts)} pixels, but 2 x 4 are 8"):
        paint([(1, runs), (2, np.array([8]))], 4, 2, 0)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_compressed_runs_are_those_that_were_compressed(share):
    inside = np.random.default_rng(0).random((37, 53)) < share
    text = coco_mask.encode(np.asfortranarray(inside.astype(np.uint8)))["counts"]
    runs = runs_of_text(text)
    np.testing.assert_array_equal(runs, runs_of_mask(inside))
    np.testing.assert_array_equal(paint([(1, runs)], 37, 53, 0), inside)
    for cut in (text[:-1], text + b"1", b"", b"\xff" * 9):
        with pytest.raises(ValueError, match=r"covers -?[0-9]+ pixels, but 53 x 37 are 1961"):
            paint([(1, runs_of_text(cut))], 37, 53, 0)


@pytest.mark.parametrize("corner", [(float("nan"), 1), (1e9, 1), (0, -61)])
def test_corners_must_be_near_the_image(corner):
    polygon = np.array([[0, 0], [3, 3], corner], np.float32)
    with pytest.raises(ValueError, match=r"has the corner \(.*\), but the image is 6 x 4"):
        runs_of_polygons([polygon], H, W)
