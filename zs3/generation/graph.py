"""The graph of a label map: its regions, and which of them touch (ZS3Net, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_TOUCHING = np.ones((3, 3), dtype=bool)  # diagonally, too


@dataclass(frozen=True)
class RegionGraph:
    """
    M regions of equal label, in raster order of their first pixels.

    Attributes:
        regions: (h, w) int64, the region 0..M-1 of each pixel.
        first: (M,) int64, position (row * w + column) of its first pixel, which stands for it.
        adjacency: (M, M) float32, 1 where two different regions touch, else 0.
    """

    regions: np.ndarray
    first: np.ndarray
    adjacency: np.ndarray


def region_graph(labels: np.ndarray) -> RegionGraph:
    """
    Args:
        labels: (h, w) integers. Ignored pixels are a label like any other.
    """
    parts = np.zeros(labels.shape, dtype=np.int64)
    count = 0
    for label in np.unique(labels):
        found, number = ndimage.label(labels == label, _TOUCHING)
        parts += np.where(found > 0, found + count, 0)
        count += number
    _, first, inverse = np.unique(parts, return_index=True, return_inverse=True)
    order = np.argsort(first)
    regions = np.argsort(order)[inverse].reshape(labels.shape)

    adjacency = np.zeros((count, count), dtype=np.float32)
    for one, other in (
        (regions[:, 1:], regions[:, :-1]),
        (regions[1:], regions[:-1]),
        (regions[1:, 1:], regions[:-1, :-1]),
        (regions[1:, :-1], regions[:-1, 1:]),
    ):
        adjacency[one, other] = adjacency[other, one] = 1
    np.fill_diagonal(adjacency, 0)
    return RegionGraph(regions, first[order], adjacency)
