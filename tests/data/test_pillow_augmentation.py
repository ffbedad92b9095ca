import numpy as np
import pytest

from zs3.data.pillow_augmentation import (
    RandomBlur,
    RandomRotate,
    RandomScale,
    RandomShortEdge,
    mirrored,
)

H, W = 8, 13
LABEL = np.arange(H * W).reshape(H, W)
IMAGE = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
IGNORE = 65535


def rng(seed=0):
    return np.random.default_rng(seed)


def test_short_edges_are_truncated_and_drawn_inclusively():
    sizes = {RandomShortEdge(3, 5)(IMAGE, LABEL, rng(s))[1].shape for s in range(30)}
    assert sizes == {(3, 4), (4, 6), (5, 8)}  # 4.875, 6.5, 8.125
    image, label = RandomShortEdge(16, 16)(IMAGE, LABEL, rng())
    np.testing.assert_array_equal(label, LABEL.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(image, RandomShortEdge(16, 16).image(IMAGE))


def test_scaling_covers_the_range():
    heights = {RandomScale(0.5, 2)(IMAGE, LABEL, rng(s))[0].shape[0] for s in range(80)}
    assert heights == set(range(4, 16))


def test_turning_by_nothing_changes_nothing():
    image, label = RandomRotate(0, IGNORE)(IMAGE, LABEL, rng())
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(label, LABEL)


def test_turned_images_go_on_and_turned_labels_do_not():
    ones = np.full((40, 60, 3), 9, np.uint8)
    image, label = RandomRotate(10, IGNORE)(ones, np.ones((40, 60), np.int64), rng(3))
    assert (image == 9).all()
    assert label[20, 30] == 1 and set(np.unique(label)) == {1, IGNORE}
    assert (label == IGNORE).mean() < 0.2


def test_angles_reach_both_ends():
    class Ends:
        def integers(self, low, high):
            return seen.append((low, high - 1)) or low

    seen = []
    RandomRotate(10, IGNORE)(IMAGE, LABEL, Ends())
    assert seen == [(-10, 10)]


def test_mirrored_rows():
    assert mirrored(4, 2, 3).tolist() == [2, 1, 0, 1, 2, 3, 3, 2, 1]
    assert mirrored(2, 2, 0).tolist() == [1, 1, 0, 1]  # there is no row 2


def test_blur_happens_half_of_the_time_and_leaves_labels():
    results = [RandomBlur(1.0)(IMAGE, LABEL, rng(s)) for s in range(40)]
    unchanged = [np.array_equal(image, IMAGE) for image, _ in results]
    assert 10 < sum(unchanged) < 30
    assert all(label is LABEL for _, label in results)
    blurred = next(image for image, _ in results if not np.array_equal(image, IMAGE))
    assert blurred.std() < IMAGE.std()


@pytest.mark.parametrize("step", [RandomShortEdge(3, 9), RandomScale(0.5, 2), RandomRotate(9, 255)])
def test_a_sample_is_a_function_of_the_seed(step):
    for first, again in zip(step(IMAGE, LABEL, rng(7)), step(IMAGE, LABEL, rng(7)), strict=True):
        np.testing.assert_array_equal(first, again)
