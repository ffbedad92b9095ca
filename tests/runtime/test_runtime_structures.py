"""Images of different sizes in one tensor."""

from __future__ import annotations

import pytest
import torch


def test_images_stand_in_the_top_left_corner_and_the_rest_is_padding(runtime):
    small, wide = torch.ones(2, 3, 1), 2 * torch.ones(2, 1, 5)
    images = runtime.structures.ImageList.from_tensors([small, wide], pad_value=-1.0)
    assert images.tensor.shape == (2, 2, 3, 5)
    assert images.image_sizes == [(3, 1), (1, 5)]
    assert images.tensor[0, 0].tolist() == [[1, -1, -1, -1, -1]] * 3
    assert images.tensor[1, 1].tolist() == [[2] * 5, [-1] * 5, [-1] * 5]
    assert torch.equal(images[0], small)
    assert torch.equal(images[1], wide)
    assert len(images) == 2


@pytest.mark.parametrize(("divisibility", "size"), [(0, (3, 5)), (1, (3, 5)), (4, (4, 8))])
def test_sizes_are_rounded_up(runtime, divisibility, size):
    images = [torch.zeros(1, 3, 2), torch.zeros(1, 2, 5)]
    batch = runtime.structures.ImageList.from_tensors(images, divisibility)
    assert batch.tensor.shape[-2:] == size


def test_one_image_is_padded_too(runtime):
    images = runtime.structures.ImageList.from_tensors([torch.ones(1, 3, 5)], 4, pad_value=7.0)
    assert images.tensor.shape == (1, 1, 4, 8)
    assert images.tensor.sum() == 15 + 17 * 7


def test_label_maps_keep_their_type(runtime):
    labels = [torch.zeros(2, 3, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.int64)]
    batch = runtime.structures.ImageList.from_tensors(labels, pad_value=255)
    assert batch.tensor.dtype == torch.int64
    assert batch.tensor[1].tolist() == [[0, 255, 255], [255, 255, 255]]


def test_moving_keeps_the_sizes(runtime):
    moved = runtime.structures.ImageList.from_tensors([torch.ones(1, 3, 5)]).to("meta")
    assert moved.device.type == "meta"
    assert moved.image_sizes == [(3, 5)]


def test_no_images_are_refused(runtime):
    with pytest.raises(AssertionError):
        runtime.structures.ImageList.from_tensors([])
