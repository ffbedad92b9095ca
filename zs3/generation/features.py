"""Label maps that no image has: what a classifier learns unseen classes from (CaGNet, CaGNetv2)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor

from .blocks import assemble, centres

Grid = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """
    Attributes:
        labels: (B, N) int64, the class of every cell of a grid.
        noise: (B, N, Z) normal.
        counted: (N,) bool, the cells a classifier is judged by.
    """

    labels: Tensor
    noise: Tensor
    counted: Tensor


class LayoutSource(Protocol):
    """Where layouts come from."""

    def __call__(self, count: int, grid: Grid, noise_dim: int) -> Layout:
        """Layouts for `count` images of a grid (h, w)."""


class SinglePixels:
    """
    Every cell for itself (CaGNet).

    Args:
        is_unseen: (K,) bool.
        rate: an unseen class is drawn 1 + rate times as often as a seen one.
    """

    def __init__(self, is_unseen: Tensor, rate: float) -> None:
        self.prior = class_prior(is_unseen, rate)

    def __call__(self, count: int, grid: Grid, noise_dim: int) -> Layout:
        cells = grid[0] * grid[1]
        device = self.prior.device
        labels = torch.multinomial(self.prior, count * cells, replacement=True)
        return Layout(
            labels.view(count, cells),
            torch.randn(count, cells, noise_dim, device=device),
            torch.ones(cells, dtype=torch.bool, device=device),
        )


class Blocks:
    """
    Blocks of labels side by side, one noise each; a classifier is judged by their centres
    (CaGNetv2).

    Args:
        blocks: (M, k, k) int64 classes.

    Raises:
        ValueError: no blocks.
    """

    def __init__(self, blocks: Tensor) -> None:
        if blocks.dim() != 3 or not len(blocks):
            raise ValueError(
                f"blocks of labels have the shape {tuple(blocks.shape)}; expected (M, k, k)."
            )
        self.blocks = blocks

    @classmethod
    def load(cls, path: str | Path, device: torch.device) -> Blocks:
        """Those that `zs3 blocks` has written."""
        return cls(load_file(path)["blocks"].to(device))

    def __call__(self, count: int, grid: Grid, noise_dim: int) -> Layout:
        """
        Raises:
            ValueError: a grid that blocks do not fill, or too few of them.
        """
        side = self.blocks.shape[-1]
        each = (grid[0] // side) * (grid[1] // side)
        if grid[0] % side or grid[1] % side or each > len(self.blocks):
            raise ValueError(
                f"{len(self.blocks)} blocks of side {side} do not fill a grid of {grid}; choose a "
                "crop whose grid is a multiple of the side (376 pixels give 48 cells), and more "
                "blocks than it takes."
            )
        device = self.blocks.device
        draws = torch.rand(count, len(self.blocks), device=device)
        chosen = draws.topk(each, dim=1).indices  # without replacement
        noise = torch.randn(count, each, noise_dim, device=device)
        return self.layout(chosen, noise, grid)

    def layout(self, chosen: Tensor, noise: Tensor, grid: Grid) -> Layout:
        """
        Args:
            chosen: (B, n) which blocks, in raster order.
            noise: (B, n, Z) of each of them.
        """
        side = self.blocks.shape[-1]
        labels = assemble(self.blocks[chosen], grid)
        places = torch.arange(chosen.shape[1], device=chosen.device)
        places = assemble(places.view(1, -1, 1, 1).expand(1, -1, side, side), grid).flatten()
        return Layout(labels.flatten(1), noise[:, places], centres(grid, side, chosen.device))


def class_prior(is_unseen: Tensor, rate: float) -> Tensor:
    """(K,) probabilities: an unseen class has 1 + rate times that of a seen one."""
    weights = 1 + rate * is_unseen.float()
    return weights / weights.sum()
