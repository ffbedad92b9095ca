"""Image-caption pairs: what is named is shown, what is cut away is the mean colour."""

from __future__ import annotations

import numpy as np

from zs3.data.shapes import NAMES, draw_scene
from zs3.data.shapes_captions import FILL, cut_out, draw_described_pairs, draw_pairs


def test_five_pairs_a_scene_name_what_they_show():
    for index in range(20):
        pairs = draw_pairs(3, index)
        shown = {NAMES[i] for i in np.unique(draw_scene(3, index).label)}
        assert len(pairs) == 5
        for pair in pairs:
            assert pair.image.shape == (48, 48, 3) and pair.image.dtype == np.uint8
            assert pair.names and pair.names <= shown
            assert all(name in pair.caption for name in pair.names)
            assert pair.caption.endswith(".")


def test_pairs_are_reproducible():
    for one, two in zip(draw_pairs(3, 5), draw_pairs(3, 5), strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        assert (one.caption, one.names) == (two.caption, two.names)


def test_a_described_scene_names_all_that_shows():
    for index in range(20):
        whole, part, *photos = draw_described_pairs(3, index)
        label = draw_scene(3, index).label
        share = np.bincount(label.ravel(), minlength=len(NAMES)) / label.size
        assert whole.names == {NAMES[i] for i in np.flatnonzero(share > 0.005)}
        assert part.names <= {NAMES[i] for i in np.unique(label)}
        assert [pair.is_complete for pair in (whole, part, *photos)] == [True, True, False, False]
        for pair in (whole, part, *photos):
            assert pair.image.shape == (96, 96, 3) and pair.image.dtype == np.uint8
            assert all(name in pair.caption for name in pair.names)


def test_a_cut_out_shows_its_segment_on_the_mean_colour():
    image = np.full((20, 30, 3), 200, np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[4:10, 20:26] = True
    cut = cut_out(image, mask, margin=1.0, pad=3, size=12)  # a box of 6 with 3 around it: 12 wide
    np.testing.assert_array_equal(cut[3:9, 3:9], 200)
    border = np.ones((12, 12), bool)
    border[3:9, 3:9] = False
    assert (cut[border] == FILL).all()
