"""
Affinity of pixels by colour, as deep spectral methods (Melas-Kyriazi et al., CVPR 2022, arXiv
2205.07839) take it from image matting. N = h * w pixels, row by row.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

# (neighbours, weight of the position beside the colour) of the two passes.
PASSES = ((20, 2.0), (10, 0.1))
_LEAF = 24  # points in a leaf of the k-d tree: the fastest for these searches
_SHARPNESS = 900.0  # of `rw_affinity`; published code has it whatever its option says


def knn_affinity(image: np.ndarray) -> csr_array:
    """
    How often two pixels are among each other's nearest neighbours in colour and position.

    Args:
        image: (h, w, 3), 0..1. No fewer than 20 pixels.

    Returns:
        csr_array: (N, N) float32, symmetric; a pixel is a neighbour of itself.
    """
    height, width = image.shape[:2]
    count = height * width
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    places = np.stack((x, y), -1)
    near = []
    for neighbours, weight in PASSES:
        points = np.concatenate((image, weight * places), -1).reshape(count, 5)
        points = points.astype(np.float32)
        tree = cKDTree(points, leafsize=_LEAF)
        near.append(tree.query(points, min(neighbours, count))[1].reshape(count, -1))
    columns = np.concatenate(near, 1)
    starts = np.arange(0, columns.size + 1, columns.shape[1])
    ones = np.ones(columns.size, np.float32)
    directed = csr_array((ones, columns.ravel(), starts), shape=(count, count))
    return directed + directed.T


def rw_affinity(image: np.ndarray) -> csr_array:
    """
    How alike the colours of adjacent pixels are: a random walk's.

    At the border, what lies outside is the nearest pixel inside, which counts that often.

    Args:
        image: (h, w, 3), 0..1.

    Returns:
        csr_array: (N, N) float32, symmetric; a pixel is adjacent to itself.
    """
    height, width = image.shape[:2]
    y, x = (grid.ravel() for grid in np.mgrid[:height, :width])
    colours = image.reshape(-1, 3)
    rows, columns, values = [], [], []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            other = (y + dy).clip(0, height - 1) * width + (x + dx).clip(0, width - 1)
            difference = np.square(colours - colours[other]).sum(1)
            rows.append(y * width + x)
            columns.append(other)
            values.append(np.exp(-_SHARPNESS * difference))
    entries = np.concatenate(values).astype(np.float32)
    places = (np.concatenate(rows), np.concatenate(columns))
    return coo_array((entries, places), shape=(height * width,) * 2).tocsr()  # duplicates add up
