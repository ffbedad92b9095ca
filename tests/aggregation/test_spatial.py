"""Spatial aggregation: windows, shifts, guidance."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zs3.aggregation.spatial import GuidedSwinBlock, SpatialAggregation

C, G = 8, 3


def block(**options) -> GuidedSwinBlock:
    torch.manual_seed(0)
    return GuidedSwinBlock(C, G, 2, **options)


def reached(made: GuidedSwinBlock, height: int, width: int, row: int, column: int) -> set:
    """Cells whose output moves when one cell's input does."""
    x, guidance = torch.randn(1, 1, height, width, C), torch.randn(1, 1, height, width, G)
    other = x.clone()
    other[..., row, column, 0] += 1  # of one channel: the norm takes away what all share
    with torch.no_grad():
        moved = (made(x, guidance) - made(other, guidance)).abs().sum(-1)[0, 0] > 1e-6
    return {tuple(cell) for cell in moved.nonzero().tolist()}


def test_a_cell_reaches_its_window() -> None:
    got = reached(block(window=3, shift=0), 6, 9, 1, 4)
    assert got == {(r, c) for r in range(3) for c in range(3, 6)}


def test_a_shifted_window_does_not_reach_around_the_border() -> None:
    """Shifted by 1: windows begin at cells 1, 4 and, cut off, 7; what is in front is its own."""
    made = block(window=3, shift=1)
    assert reached(made, 6, 9, 0, 0) == {(0, 0)}
    assert reached(made, 6, 9, 1, 8) == {(r, c) for r in (1, 2, 3) for c in (7, 8)}


def test_a_small_map_is_one_window() -> None:
    everywhere = {(r, c) for r in range(2) for c in range(2)}
    assert reached(block(window=4, shift=2), 2, 2, 0, 0) == everywhere
    apart = reached(block(window=2, shift=1, shrink=False), 2, 2, 0, 0)
    assert apart == {(0, 0)}


@torch.no_grad()
def test_maps_that_are_no_whole_windows_are_padded_with_zeros() -> None:
    """Zeros after the norm: their values are the bias alone, and are attended to."""
    made = block(window=4, shift=0)
    x, guidance = torch.randn(1, 1, 4, 6, C), torch.randn(1, 1, 4, 6, G)
    assert made(x, guidance).shape == x.shape
    left = made(x[..., :4, :], guidance[..., :4, :])
    torch.testing.assert_close(made(x, guidance)[..., :4, :], left)


def test_values_do_not_see_guidance() -> None:
    """With queries and keys of zero, attention is a mean whatever the guidance is."""
    made = block(window=3, shift=0)
    for part in (made.attn.q, made.attn.k):
        nn.init.zeros_(part.weight)
    x = torch.randn(1, 1, 3, 3, C)
    first, second = (made(x, torch.randn(1, 1, 3, 3, G)) for _ in range(2))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("shared", [True, False])
@torch.no_grad()
def test_classes_do_not_meet_here(shared: bool) -> None:
    made = SpatialAggregation(C, G, 2, window=3)
    x = torch.randn(2, 4, 6, 3, C)
    guidance = torch.randn(2, 1 if shared else 4, 6, 3, G)
    together = made(x, guidance)
    own = guidance.expand(-1, 4, -1, -1, -1)
    alone = [made(x[:, k : k + 1], own[:, k : k + 1]) for k in range(4)]
    torch.testing.assert_close(together, torch.cat(alone, dim=1))


@torch.no_grad()
def test_without_guidance() -> None:
    x = torch.randn(1, 2, 4, 4, C)
    assert SpatialAggregation(C, 0, 2, window=4)(x, None).shape == x.shape
