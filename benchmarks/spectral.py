#!/usr/bin/env python
"""
Milliseconds an image that eigenvectors take, from features to masks, here and the published way on
the same machine: a dense graph, and SciPy's shift-invert on D - W.

    OMP_NUM_THREADS=1 python benchmarks/spectral.py
    OMP_NUM_THREADS=1 python benchmarks/spectral.py --largest 12000 --markdown docs/methods/sazs.md

Features are smooth and random, those of images of VOC's size, 375 x 500 pixels, by patches of 16 or
8; a graph of finer cells takes them resized. Both ways share the affinity of colours, which a k-d
tree finds. "solver" is the eigenproblem alone, "step" all of it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from scipy.sparse.linalg import eigsh
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from zs3.profiling.tables import around, markdown, print_table, write_between
from zs3.runtime.arguments import positive
from zs3.spectral import (
    SpectralGraph,
    binary_masks,
    laplacian_eigenvectors,
    minority_positive,
)
from zs3.spectral.colour import knn_affinity
from zs3.spectral.graph import small_image

SIZE, CHANNELS = (375, 500), 384
_AT_LEAST = 0.3  # seconds that something is timed for
BEGIN, END = "<!-- eigenvectors: benchmarks/spectral.py -->", "<!-- end of eigenvectors -->"
COLUMNS = (
    "patches",
    "cells",
    "colours",
    "nodes",
    "published solver",
    "zs3",
    "ratio",
    "published step",
    "zs3",
    "ratio",
    "largest difference",
    "cells that differ",
)


@dataclass(frozen=True)
class Job:
    """
    Attributes:
        patch: pixels a cell of the features; 0 for a graph of colours alone.
        cell: pixels a cell of the graph.
        colour_weight: beside features; of colours alone any.
        features: (1, C, h, w), or None.
        image: (H, W, 3) uint8.
        count: eigenvectors, the constant one included.
    """

    patch: int
    cell: int
    colour_weight: float
    features: Tensor | None
    image: np.ndarray
    count: int

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the graph."""
        return SIZE[0] // self.cell, SIZE[1] // self.cell

    def published_graph(self) -> np.ndarray:
        """(N, N) float32."""
        affinity = np.zeros((), np.float32)
        if self.features is not None:
            maps = F.normalize(self.features, dim=1)
            maps = F.interpolate(maps, self.grid, mode="bilinear", align_corners=False)
            rows = maps.flatten(2)[0].T.numpy()
            affinity = (rows @ rows.T).clip(min=0)
            affinity /= affinity.max()
        if self.colour_weight:
            colours = knn_affinity(small_image(self.image, self.grid)).toarray()
            affinity = affinity + self.colour_weight * colours
        return affinity

    def published_solver(self, affinity: np.ndarray) -> np.ndarray:
        degree = np.diag(affinity.sum(1))
        return eigsh(degree - affinity, self.count, sigma=0, which="LM", M=degree)[1].T

    def published(self) -> tuple[Tensor, Tensor]:
        """Vectors (K, N) and masks (K, h, w)."""
        vectors = torch.from_numpy(self.published_solver(self.published_graph()).astype(np.float32))
        vectors = minority_positive(vectors)
        return vectors, binary_masks(vectors, self.grid)

    def solver(self) -> Callable[[], object]:
        """Ours, of the same graph; that of colours alone is sparse."""
        if self.features is None:
            sparse = knn_affinity(small_image(self.image, self.grid))
            return lambda: laplacian_eigenvectors(sparse, self.count)
        dense = self.published_graph()
        return lambda: laplacian_eigenvectors(dense, self.count)

    def ours(self) -> tuple[Tensor, Tensor]:
        graph = SpectralGraph(count=self.count, colour_weight=self.colour_weight)
        vectors = graph.eigenvectors(self.features, [self.image], self.grid)[1][0]
        return vectors, binary_masks(vectors, self.grid)


def jobs(count: int) -> Iterator[Job]:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, CHANNELS, 6, 8, generator=generator)
    smooth = F.interpolate(coarse, SIZE, mode="bicubic", align_corners=False)[:, :3]
    noise = torch.rand(smooth.shape, generator=generator)
    image = (255 * (smooth + 0.2 * noise).sigmoid())[0].permute(1, 2, 0).byte().numpy()
    for patch, cell, weights in (
        (16, 16, (0.0, 10.0)),
        (16, 8, (0.0, 10.0)),
        (8, 8, (0.0, 10.0)),
        (16, 4, (0.0,)),
    ):
        grid = (SIZE[0] // patch, SIZE[1] // patch)
        maps = F.interpolate(coarse, grid, mode="bicubic", align_corners=False)
        maps = maps + 0.5 * torch.randn(maps.shape, generator=generator)
        for weight in weights:
            yield Job(patch, cell, weight, maps, image, count)
    for cell in (8, 4):
        yield Job(0, cell, 1.0, None, image, count)


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The fastest of several runs, of more if they are short."""
    times: list[float] = []
    while len(times) < repeats or sum(times) < _AT_LEAST:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def row(job: Job, repeats: int, largest: int) -> list[str]:
    nodes = job.grid[0] * job.grid[1]
    about = [str(job.patch or "none"), str(job.cell), f"{job.colour_weight:g}", str(nodes)]
    own, own_step = milliseconds(job.solver(), repeats), milliseconds(job.ours, repeats)
    if nodes > largest:
        return [*about, "", f"{own:.1f}", "", "", f"{own_step:.1f}", "", "", ""]
    affinity = job.published_graph()
    solver = milliseconds(lambda: job.published_solver(affinity), repeats)
    step = milliseconds(job.published, repeats)
    (theirs, their_masks), (vectors, masks) = job.published(), job.ours()
    # Of the constant vector there is no sign.
    theirs, vectors = theirs[1:], vectors[1:]
    gap = torch.minimum((theirs - vectors).abs().amax(1), (theirs + vectors).abs().amax(1))
    differ = (their_masks != masks)[1:].float().mean((1, 2))
    return [
        *about,
        *(f"{solver:.1f}", f"{own:.1f}", f"{solver / own:.1f}"),
        *(f"{step:.1f}", f"{own_step:.1f}", f"{step / own_step:.1f}"),
        f"{(gap / theirs.abs().amax(1)).max():.1e}",
        f"{100 * torch.minimum(differ, 1 - differ).mean():.3f} %",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=positive, default=6, metavar="K", help="eigenvectors (6)")
    parser.add_argument(
        "--repeats", type=positive, default=3, metavar="N", help="runs; the best counts (3)"
    )
    parser.add_argument(
        "--largest",
        type=positive,
        default=4000,
        metavar="N",
        help="nodes the published way is tried on; 11625 take it 11 seconds a run (%(default)s)",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    args = parser.parse_args()
    if args.markdown:
        around(args.markdown, BEGIN, END)  # before the work
    body = [row(job, args.repeats, args.largest) for job in tqdm([*jobs(args.count)])]
    rows = [list(COLUMNS), *body]
    said = [f"{args.count} eigenvectors, milliseconds an image."]
    print_table(rows, said, Console(width=150))
    if args.markdown:
        write_between(args.markdown, BEGIN, END, markdown(rows))


if __name__ == "__main__":
    main()
