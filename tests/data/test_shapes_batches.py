"""Pairs as tensors: which patches a caption is about."""

from __future__ import annotations

import numpy as np

from zs3.data.shapes import NAMES, draw_scene
from zs3.data.shapes_batches import as_photos
from zs3.data.shapes_captions import draw_described_pairs


def test_a_part_is_about_its_own_patches_and_names_what_shows_there():
    pair = draw_described_pairs(5, 1)[0]
    photos = as_photos([pair, pair], patch=8)
    assert photos.owner.tolist() == [0] * 5 + [1] * 5
    label = draw_scene(5, 1).label
    for inside, named in zip(photos.inside, photos.named, strict=True):
        pixels = np.kron(inside.view(12, 12).numpy(), np.ones((8, 8))) > 0
        counts = np.bincount(label[pixels], minlength=len(NAMES))
        assert (named.numpy() == (counts > 0.7 * 64)).all()
    assert photos.inside[0].all() and not photos.inside[1].all()
