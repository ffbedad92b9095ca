"""
Small blocks of labels: cut out of label maps to learn from (CaGNetv2), chosen, and put together.

Shapes: M blocks of side k.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..vocabulary import IGNORE

_SHIFTS = ((-1, 1), (-1, 2), (1, 1), (1, 2))  # up, left, down, right


def cut(labels: Tensor, side: int) -> Tensor:
    """(B, h, w) -> (M, k, k), without overlap, in raster order; wholly ignored ones left out."""
    blocks = labels.unfold(1, side, side).unfold(2, side, side).flatten(0, 2)
    return blocks[(blocks != IGNORE).flatten(1).any(1)]


def fill(blocks: Tensor, rounds: int) -> Tensor:
    """
    (M, k, k) with the ignored pixels filled from their neighbours, in circles: from below, from the
    right, from above, from the left, `rounds` times. Far ones may stay ignored.
    """
    blocks = blocks.clone()
    for shift, axis in _SHIFTS * rounds:
        blocks = torch.where(blocks == IGNORE, blocks.roll(shift, axis), blocks)
    return blocks


def enough_unseen(blocks: Tensor, is_unseen: Tensor, pixels: int) -> Tensor:
    """(M,) bool: at least so many pixels of a block are of unseen classes (K,) bool."""
    return is_unseen[blocks].flatten(1).sum(1) >= pixels


def few_classes(blocks: Tensor, most: int) -> Tensor:
    """(M,) bool: at most so many classes in a block."""
    values = blocks.flatten(1).sort(dim=1).values
    return 1 + (values.diff(dim=1) != 0).sum(1) <= most


def assemble(blocks: Tensor, grid: tuple[int, int]) -> Tensor:
    """(B, n, k, k), n blocks for each image -> (B, h, w), side by side in raster order."""
    side = blocks.shape[-1]
    rows = blocks.unflatten(1, (grid[0] // side, grid[1] // side))
    return rows.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def centres(grid: tuple[int, int], side: int, device: torch.device | None = None) -> Tensor:
    """(h * w,) bool: the cells of a grid that are centres of its blocks."""
    rows, columns = (torch.arange(n, device=device) % side == side // 2 for n in grid)
    return (rows[:, None] & columns).flatten()
