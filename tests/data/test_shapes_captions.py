"""Image-caption pairs: what is named is shown, what is cut away is the mean colour."""

from __future__ import annotations

import cv2
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


def test_a_described_scene_names_all_that_shows_as_a_whole_and_in_parts():
    for index in range(20):
        scene, *photos = draw_described_pairs(3, index)
        size = 144 if index % 8 == 0 else 96
        assert scene.image.shape == (size, size, 3)
        label = cv2.resize(
            draw_scene(3, index).label, (size, size), interpolation=cv2.INTER_NEAREST
        )
        assert len(scene.parts) == 5 and scene.parts[0].side * 8 == size
        for part in scene.parts:
            assert size // 3 <= part.side * 8 <= size
            rows, columns = ((np.arange(part.side * 8) + 8 * at) for at in (part.top, part.left))
            counts = np.bincount(label[np.ix_(rows, columns)].ravel(), minlength=len(NAMES))
            assert part.names == {NAMES[i] for i in np.flatnonzero(counts > 0.7 * 64)}
        assert scene.names == scene.parts[0].names
        for pair in (scene, *photos):
            assert all(name in pair.caption for name in pair.names)
        assert [photo.image.shape for photo in photos] == [(48, 48, 3)] * 2
        assert not any(photo.parts for photo in photos)


def test_a_cut_out_shows_its_segment_on_the_mean_colour():
    image = np.full((20, 30, 3), 200, np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[4:10, 20:26] = True
    cut = cut_out(image, mask, margin=1.0, pad=3, size=12)  # a box of 6 with 3 around it: 12 wide
    np.testing.assert_array_equal(cut[3:9, 3:9], 200)
    border = np.ones((12, 12), bool)
    border[3:9, 3:9] = False
    assert (cut[border] == FILL).all()
