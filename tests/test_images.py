"""A batch of images of different sizes: padded after normalisation, at the right and bottom."""

import torch

from zs3.images import ImageBatch

MEAN, STD = torch.tensor([10.0, 20, 30]).view(3, 1, 1), torch.tensor([2.0, 4, 5]).view(3, 1, 1)


def test_padding_is_zero_after_normalisation():
    images = (torch.full((3, 2, 5), 30, dtype=torch.uint8), torch.full((3, 4, 3), 10.0))
    batch = ImageBatch(images)
    got = batch.normalised(MEAN, STD)

    assert batch.sizes == ((2, 5), (4, 3)) and batch.padded_size == (4, 5)
    assert got.shape == (2, 3, 4, 5) and got.dtype == torch.float32
    torch.testing.assert_close(got[0, :, 0, 0], torch.tensor([10.0, 2.5, 0.0]))
    assert got[0, :, 2:].abs().sum() == 0 and got[1, :, :, 3:].abs().sum() == 0


def test_sizes_are_rounded_up_to_the_divisibility():
    assert ImageBatch((torch.zeros(3, 33, 64),), 32).padded_size == (64, 64)
    assert ImageBatch((torch.zeros(3, 33, 64),), 0).padded_size == (33, 64)


def test_labels_are_ignored_where_there_is_no_image():
    batch = ImageBatch((torch.zeros(3, 2, 3), torch.zeros(3, 1, 5)), 2)
    labels = batch.padded_labels([torch.ones(2, 3).long(), torch.full((1, 5), 7)], ignore=99)
    assert labels.tolist() == [
        [[1, 1, 1, 99, 99, 99], [1, 1, 1, 99, 99, 99]],
        [[7, 7, 7, 7, 7, 99], [99] * 6],
    ]
