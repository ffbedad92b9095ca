"""The grid on which predictions and labels meet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Cells:
    """
    Predictions are resized to a grid of cells; every label pixel is compared with the cell that
    holds it.

    Attributes:
        size: (rows, columns) of the grid.
        index: (H * W,) int64, the cell (0..rows * columns - 1) of each label pixel.
    """

    size: tuple[int, int]
    index: Tensor

    @classmethod
    def of(cls, labels: Tensor, side: int) -> Cells:
        """
        Args:
            labels: (B, H, W).
            side: rows and columns of the grid, though never more than the labels have; 0 makes
                every pixel a cell.
        """
        height, width = labels.shape[1:]
        rows, columns = (min(side or length, length) for length in (height, width))
        row = torch.arange(height, device=labels.device) * rows // height
        column = torch.arange(width, device=labels.device) * columns // width
        return cls((rows, columns), (row[:, None] * columns + column).flatten())

    @property
    def pixels(self) -> Tensor:
        """(rows * columns,) float32: how many label pixels a cell holds; at least 1."""
        ones = torch.ones(len(self.index), device=self.index.device)
        return ones.new_zeros(self.size[0] * self.size[1]).scatter_add_(0, self.index, ones)


def resize_masks(masks: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """(M, h, w) -> (M, *size), "nearest" or "bilinear" with half-pixel centres; M may be 0."""
    if not len(masks):
        return masks.reshape(0, *size)
    # As the channels of one image, since interpolation runs over many channels at a time.
    image = masks[None].contiguous(memory_format=torch.channels_last)
    return F.interpolate(image, size, mode=mode)[0]
