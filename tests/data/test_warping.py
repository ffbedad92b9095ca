import numpy as np
import pytest

from zs3.data.warping import PadCentred, RandomRescale, Warp, source_rows

H, W = 6, 9
LABEL = np.arange(H * W).reshape(H, W)
IMAGE = np.stack([LABEL, LABEL, LABEL], -1).astype(np.uint8)


class Always:
    """In the place of a generator: every draw is the same."""

    def __init__(self, value):
        self.value = value

    def uniform(self, low, high):
        return self.value


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(4, 2, [0, 2]), (2, 4, [0, 0, 1, 1]), (5, 3, [0, 1, 3]), (3, 5, [0, 0, 1, 1, 2])],
)
def test_rows_of_a_resized_label_map(before, after, expected):
    assert source_rows(before, after).tolist() == expected


def test_a_step_of_its_own_goes_no_further_than_the_last_row():
    assert source_rows(4, 5, 1.0).tolist() == [0, 1, 2, 3, 3]


def test_warping_ignores_the_ratio():
    image, label = Warp(3)(IMAGE, LABEL, None)
    assert image.shape == (3, 3, 3) and image.dtype == np.float32
    np.testing.assert_array_equal(label, LABEL[::2, ::3])
    # Half-pixel centres: row 0 of 3 lies between rows 0 and 1 of 6, column 0 on column 1 of 9.
    assert image[0, 0, 0] == pytest.approx((LABEL[0, 1] + LABEL[1, 1]) / 2)


def test_warping_by_nothing_only_makes_floats():
    image, label = Warp(0)(IMAGE, LABEL, None)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(label, LABEL)


def test_rescaling_steps_by_the_factor_and_not_by_the_rounded_size():
    image, label = RandomRescale(0.5, 1.5)(IMAGE.astype(np.float32), LABEL, Always(0.7))
    assert image.shape == (4, 6, 3) and label.shape == (4, 6)  # 4.2 and 6.3
    np.testing.assert_array_equal(label, LABEL[np.ix_([0, 1, 2, 4], [0, 1, 2, 4, 5, 7])])


def test_factors_are_drawn_from_the_range():
    rng = np.random.default_rng(0)
    rescale = RandomRescale(0.5, 1.5)
    sides = {rescale(IMAGE.astype(np.float32), LABEL, rng)[1].shape[0] for _ in range(60)}
    assert sides == set(range(3, 10))


def test_padding_is_centred_and_has_the_extra_pixel_behind():
    image, label = PadCentred(9, [1.5, 2.5, 3.5], 255)(IMAGE.astype(np.float32), LABEL, None)
    assert image.shape == (9, 9, 3)
    np.testing.assert_array_equal(label[1:7], LABEL)
    assert (label[0] == 255).all() and (label[7:] == 255).all()
    assert image[8, 0].tolist() == [1.5, 2.5, 3.5]
    np.testing.assert_array_equal(image[1:7], IMAGE)


def test_what_is_large_enough_is_not_padded():
    image, label = PadCentred(4, [0, 0, 0], 255)(IMAGE.astype(np.float32), LABEL, None)
    assert image.shape[:2] == label.shape == (H, W)
