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


def enlarged(
    vectors: Tensor, covered: tuple[int, int], size: tuple[int, int], how: str = "nearest"
) -> Tensor:
    """
    The masks of eigenvectors, at the size of the image that they were made of.

    What lies beyond the part that their cells cover, at the right and bottom, comes from cells that
    are stretched over the whole image.

    Args:
        vectors: (K, h, w).
        covered: (H', W') pixels, from the top left.
        size: (H, W) of the image.
        how: "nearest" has the edges of cells; "bilinear" enlarges vectors before they are cut at 0.

    Returns:
        Tensor: (K, H, W) bool, the positive sides.
    """
    whole = F.interpolate(vectors[None], size, mode=how)[0]
    if covered != size:
        whole[:, : covered[0], : covered[1]] = F.interpolate(vectors[None], covered, mode=how)[0]
    return whole > 0


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
