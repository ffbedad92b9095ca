"""From eigenvectors to masks (arXiv 2205.07839, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def minority_positive(vectors: Tensor) -> Tensor:
    """
    Turns vectors whose larger part is positive. A vector of one sign, or of as many numbers on
    either side, keeps its own.

    Args:
        vectors: (..., N).
    """
    share = (vectors > 0).float().mean(-1, keepdim=True)
    return torch.where((share > 0.5) & (share < 1), -vectors, vectors)


def binary_masks(vectors: Tensor, grid: tuple[int, int]) -> Tensor:
    """(..., N) -> (..., h, w) bool: the positive side."""
    return (vectors > 0).unflatten(-1, grid)


def enlarged(masks: Tensor, patch: int, size: tuple[int, int]) -> Tensor:
    """
    Masks of whole patches at the size of the image they were made of, by nearest neighbours.

    What lies beyond the last whole patch, at the right and bottom, comes from masks that are
    stretched over the image.

    Args:
        masks: (K, h, w) bool.
        patch: side of a cell (pixels); h * patch does not pass the image.
        size: (H, W).
    """
    stretched = F.interpolate(masks[None].float(), size, mode="nearest")[0].bool()
    exact = masks.repeat_interleave(patch, 1).repeat_interleave(patch, 2)
    stretched[:, : exact.shape[1], : exact.shape[2]] = exact
    return stretched


def border_shares(labels: Tensor) -> tuple[Tensor, Tensor]:
    """
    Which segments touch the border of the image, and along how much of it; corners count twice.

    Args:
        labels: (h, w) integers.

    Returns:
        the labels, ascending, and their shares of the border's 2 (h + w) cells.
    """
    border = torch.cat((labels[0], labels[-1], labels[:, 0], labels[:, -1]))
    touching, counts = border.unique(return_counts=True)
    return touching, counts / len(border)
