"""Binary cross-entropy of pixels: values by hand, what ignored pixels are, cells."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zs3.criterion import PixelBinaryCrossEntropy
from zs3.regions import Regions
from zs3.vocabulary import IGNORE

B, K, H, W = 2, 3, 4, 6


def loss(maps: Tensor, targets: Tensor, **options) -> Tensor:
    regions = Regions(maps.new_zeros(len(maps), maps[0, 0].numel(), 0), grid=tuple(maps.shape[2:]))
    criterion = PixelBinaryCrossEntropy(**options)
    return criterion([regions], [maps.flatten(2).mT], targets)["loss_bce"]


def dense(maps: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
    """The definition, with a target for every class."""
    wanted = (targets[:, None] == torch.arange(K).view(1, K, 1, 1)).float()
    maps = F.interpolate(maps, targets.shape[1:], mode="bilinear")
    each = F.binary_cross_entropy_with_logits(maps, wanted, reduction="none")
    return (each * counted[:, None]).sum() / (counted.sum() * K)


def test_by_hand() -> None:
    """One pixel of class 0, logits 0 and ln 3: (ln 2 + ln 4) / 2."""
    maps = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1)
    got = loss(maps, torch.zeros(1, 1, 1, dtype=torch.long))
    assert got.item() == pytest.approx((math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize("negative", [False, True])
def test_ignored_pixels_are_left_out_or_are_of_no_class(negative: bool) -> None:
    maps = torch.randn(B, K, 2, 3, requires_grad=True)
    targets = torch.randint(0, K, (B, H, W))
    targets[:, :2] = IGNORE
    got = loss(maps, targets, ignored_are_negative=negative)
    expected = dense(maps, targets, torch.ones_like(targets) if negative else targets != IGNORE)
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(
        torch.autograd.grad(got, maps)[0], torch.autograd.grad(expected, maps)[0]
    )


def test_pixels_meet_the_cell_that_holds_them() -> None:
    maps, targets = torch.randn(B, K, 2, 2), torch.randint(0, K, (B, H, H))
    targets[0, 0] = IGNORE
    expected = dense(
        maps.repeat_interleave(2, 2).repeat_interleave(2, 3), targets, targets != IGNORE
    )
    torch.testing.assert_close(loss(maps, targets, loss_size=2), expected)


def test_without_a_labelled_pixel_there_is_nothing_to_learn() -> None:
    maps = torch.randn(B, K, 2, 2, requires_grad=True)
    got = loss(maps, torch.full((B, H, W), IGNORE))
    got.backward()
    assert got.item() == 0 and maps.grad.abs().sum() == 0


def test_weight_and_earlier_layers() -> None:
    regions = Regions(torch.zeros(1, 4, 0), grid=(2, 2))
    logits, targets = torch.randn(1, 4, K), torch.zeros(1, 2, 2, dtype=torch.long)
    single = PixelBinaryCrossEntropy()([regions], [logits], targets)["loss_bce"]
    twice = PixelBinaryCrossEntropy(class_weight=2.0)([regions] * 2, [logits] * 2, targets)
    assert list(twice) == ["loss_bce_0", "loss_bce"]
    torch.testing.assert_close(twice["loss_bce"], 2 * single)
