"""
From features to eigenvectors: deep spectral methods (Melas-Kyriazi et al., CVPR 2022, arXiv
2205.07839, section 3). N = h * w cells, row by row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy.sparse import csr_array, kron
from torch import Tensor
from torch.nn import functional as F

from .colour import knn_affinity, rw_affinity
from .eigen import laplacian_eigenvectors
from .masks import minority_positive

MATRICES = ("laplacian", "affinity", "affinity_svd")
COLOURS = {"knn": knn_affinity, "rw": rw_affinity}


@dataclass(frozen=True)
class SpectralGraph:
    """
    What the graph of an image is, and which vectors are taken of it.

    Args:
        count: vectors, the trivial one included where there is one.
        matrix: "laplacian"; "affinity", the largest vectors of W itself; "affinity_svd", the left
            singular vectors of the features.
        normalize: scale the features of a cell to unit length.
        threshold: negative affinities are 0.
        generalised: (D - W) v = mu D v; else without the D on the right.
        colour_weight: of the affinity of colours beside that of features.
        colour: "knn" or "rw".

    Raises:
        ValueError: an unknown matrix or affinity of colours.
    """

    count: int = 6
    matrix: str = "laplacian"
    normalize: bool = True
    threshold: bool = True
    generalised: bool = True
    colour_weight: float = 0.0
    colour: str = "knn"

    def __post_init__(self) -> None:
        if self.matrix not in MATRICES:
            raise ValueError(
                f"no spectral matrix is called {self.matrix!r}; there are {', '.join(MATRICES)}."
            )
        if self.colour not in COLOURS:
            raise ValueError(
                f"no colour affinity is called {self.colour!r}; there are {', '.join(COLOURS)}."
            )

    def eigenvectors(
        self,
        features: Tensor | None,
        images: Sequence[np.ndarray] = (),
        grid: tuple[int, int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """
        Args:
            features: (B, C, h, w), any scale; None for a graph of colours alone.
            images: (H, W, 3) uint8 each; only looked at if colours count.
            grid: of the graph; that of the features if left out. Features are resized after they
                are scaled, and not scaled again.

        Returns:
            values (B, count), ascending; of "affinity" and "affinity_svd" the largest, descending.
            Vectors (B, count, N) whose positive side is the smaller one.

        Raises:
            ValueError: more vectors than cells, or colours without images.
        """
        count = 1 if features is None else len(features)
        shown: Sequence[np.ndarray | None] = images or (None,) * count
        if features is None:
            pairs = [self._laplacian(self._colours(image, grid)) for image in shown]
        else:
            scaled = F.normalize(features, dim=1) if self.normalize else features
            cells = grid or (features.shape[2], features.shape[3])
            each = zip(scaled.detach().cpu().float(), shown, strict=True)
            pairs = [self._of_features(maps, image, cells) for maps, image in each]
        values, vectors = (torch.stack(found) for found in zip(*pairs, strict=True))
        return values, minority_positive(vectors)

    def _of_features(
        self, maps: Tensor, image: np.ndarray | None, grid: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """(count,), (count, N) of features (C, h, w)."""
        if self.matrix == "affinity_svd":
            vectors, values, _ = torch.linalg.svd(_rows(maps, grid), full_matrices=False)
            return values[: self.count], vectors.mT[: self.count]
        affinity = inner_products(maps, grid)
        if self.threshold:
            torch.from_numpy(affinity).clamp_(min=0)
        if self.matrix == "affinity":
            values, vectors = torch.linalg.eigh(torch.from_numpy(affinity).double())
            values, vectors = values.flip(0)[: self.count], vectors.flip(1).mT[: self.count]
            return values.float(), vectors.float()
        affinity /= max(affinity.diagonal().max(), 1e-12)  # its largest, by Cauchy and Schwarz
        if self.colour_weight:
            _add(affinity, self._colours(image, grid), self.colour_weight)
        return self._laplacian(affinity)

    def _laplacian(self, affinity: np.ndarray | csr_array) -> tuple[Tensor, Tensor]:
        return laplacian_eigenvectors(affinity, self.count, normalised=self.generalised)

    def _colours(self, image: np.ndarray | None, grid: tuple[int, int] | None) -> csr_array:
        """(N, N)"""
        if image is None or grid is None:
            raise ValueError("the spectral graph counts colours, but has no image or no grid.")
        return COLOURS[self.colour](small_image(image, grid))


def inner_products(maps: Tensor, grid: tuple[int, int]) -> np.ndarray:
    """
    F F' (N, N) of features that are resized bilinearly.

    Resizing is linear, F = R G, so that a grid finer than that of G takes G G' first, a small
    matrix, and resizes its rows and columns.

    Args:
        maps: G (C, h, w).
        grid: of the N cells.
    """
    own = (maps.shape[1], maps.shape[2])
    if own == grid or math.prod(grid) < math.prod(own):
        rows = _rows(maps, grid).numpy()
        return rows @ rows.T  # NumPy computes the half that symmetry leaves
    resize = kron(*(_resizing(*sides) for sides in zip(own, grid, strict=True)), format="csr")
    halfway = resize @ inner_products(maps, own)
    return resize @ np.ascontiguousarray(halfway.T)


def _rows(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """(C, h, w) -> (N, C), resized."""
    if maps.shape[1:] != grid:
        maps = F.interpolate(maps[None], grid, mode="bilinear", align_corners=False)[0]
    return maps.flatten(1).mT


def _resizing(length: int, wanted: int) -> csr_array:
    """(wanted, length), bilinear resizing along one side."""
    unit = torch.eye(length)[None]
    resized = F.interpolate(unit, wanted, mode="linear", align_corners=False)[0]
    return csr_array(resized.T.numpy())


def _add(matrix: np.ndarray, sparse: csr_array, weight: float) -> None:
    """matrix += weight * sparse, (N, N) both, in place: a sum of whole matrices takes longer."""
    entries = sparse.tocoo()
    places = torch.from_numpy(entries.row.astype(np.int64) * len(matrix) + entries.col)
    values = torch.from_numpy(entries.data)
    torch.from_numpy(matrix).view(-1).index_add_(0, places, values, alpha=weight)


def small_image(image: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 -> (h, w, 3) float64, 0..1, by Pillow's bilinear rule."""
    resized = Image.fromarray(image).resize(grid[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized) / 255
