#!/usr/bin/env python
"""
Seconds an image that eigenvectors take, here and by SciPy's shift-invert on the same matrices.

    OMP_NUM_THREADS=1 python benchmarks/spectral.py

The graphs are those of smooth random features and of colours, on the grids of VOC-sized images: 375
x 500 pixels by patches of 16, and by cells of 8.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.sparse.linalg import eigsh
from torch.nn import functional as F

from zs3.spectral import laplacian_eigenvectors
from zs3.spectral.colour import knn_affinity

GRIDS = ((23, 31), (46, 62))
CHANNELS = 384


def affinity(grid: tuple[int, int], colour_weight: float) -> np.ndarray:
    """(N, N) float32, of features that change slowly over the grid."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, CHANNELS, 6, 8, generator=generator)
    smooth = F.interpolate(coarse, grid, mode="bicubic", align_corners=False)
    noisy = smooth + 0.5 * torch.randn(smooth.shape, generator=generator)
    rows = F.normalize(noisy, dim=1).flatten(2)[0].T
    matrix = (rows @ rows.T).clamp(min=0).numpy()
    if colour_weight:
        image = noisy[0, :3].permute(1, 2, 0).sigmoid().numpy()
        matrix = matrix + colour_weight * knn_affinity(image)
    return matrix


def shift_invert(matrix: np.ndarray, count: int) -> np.ndarray:
    """(count, N): what published code computes."""
    degree = np.diag(matrix.sum(1))
    return eigsh(degree - matrix, count, sigma=0, which="LM", M=degree)[1].T


def ours(matrix: np.ndarray, count: int) -> np.ndarray:
    return laplacian_eigenvectors(torch.from_numpy(matrix)[None], count)[1][0].numpy()


def seconds(solve: Callable[[], np.ndarray], repeats: int) -> float:
    """The fastest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        solve()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=6, metavar="K", help="eigenvectors (6)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs; the best counts")
    args = parser.parse_args()
    table = Table(title=f"{args.count} eigenvectors, seconds an image")
    for heading in (
        "nodes",
        "colours",
        "SciPy, shift-invert",
        "zs3",
        "ratio",
        "largest difference",
    ):
        table.add_column(heading, justify="right")
    for grid in GRIDS:
        for weight in (0.0, 10.0):
            matrix = affinity(grid, weight)
            theirs, own = (solve(matrix, args.count) for solve in (shift_invert, ours))
            gaps = [
                min(abs(a - b).max(), abs(a + b).max()) / abs(a).max()
                for a, b in zip(theirs, own, strict=True)
            ]
            slow, fast = (
                seconds(lambda solve=solve, matrix=matrix: solve(matrix, args.count), args.repeats)
                for solve in (shift_invert, ours)
            )
            row = (
                len(matrix),
                weight,
                f"{slow:.3f}",
                f"{fast:.3f}",
                f"{slow / fast:.1f}",
                f"{max(gaps):.1e}",
            )
            table.add_row(*map(str, row))
    Console().print(table)


if __name__ == "__main__":
    main()
