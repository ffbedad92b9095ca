"""
From features to eigenvectors: deep spectral methods (Melas-Kyriazi et al., CVPR 2022, arXiv
2205.07839, section 3). N = h * w cells, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional as F

from .colour import knn_affinity, rw_affinity
from .eigen import laplacian_eigenvectors, sparse_eigenvectors
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
        if features is None:
            pairs = [
                sparse_eigenvectors(colours, self.count, normalised=self.generalised)
                for colours in self._colours(images, grid)
            ]
            values, vectors = (torch.stack(each) for each in zip(*pairs, strict=True))
            return values, minority_positive(vectors)
        if self.normalize:
            features = F.normalize(features, dim=1)
        grid = grid or (features.shape[2], features.shape[3])
        if grid != features.shape[-2:]:
            features = F.interpolate(features, grid, mode="bilinear", align_corners=False)
        rows = features.flatten(2).mT.float()
        if self.matrix == "affinity_svd":
            vectors, values, _ = torch.linalg.svd(rows, full_matrices=False)
            return values[:, : self.count], minority_positive(vectors.mT[:, : self.count])
        affinity = _inner_products(rows)
        if self.threshold:
            affinity = affinity.clamp_(min=0)
        if self.matrix == "affinity":
            values, vectors = torch.linalg.eigh(affinity.double())
            values, vectors = values.flip(-1)[:, : self.count], vectors.flip(-1).mT
            return values.float(), minority_positive(vectors[:, : self.count].float())
        affinity = affinity.div_(affinity.amax((1, 2), keepdim=True).clamp_(min=1e-12))
        if self.colour_weight:
            for matrix, colours in zip(affinity, self._colours(images, grid), strict=True):
                _add(matrix, colours, self.colour_weight)
        values, vectors = laplacian_eigenvectors(affinity, self.count, normalised=self.generalised)
        return values, minority_positive(vectors)

    def _colours(
        self, images: Sequence[np.ndarray], grid: tuple[int, int] | None
    ) -> list[csr_array]:
        """(N, N) of every image."""
        if not images or grid is None:
            raise ValueError("the spectral graph counts colours, but has no image or no grid.")
        return [COLOURS[self.colour](small_image(image, grid)) for image in images]


def _inner_products(rows: Tensor) -> Tensor:
    """
    (B, N, C) -> (B, N, N), on the CPU, where the eigenproblem is solved: NumPy takes the half of it
    that symmetry leaves.
    """
    arrays = rows.detach().cpu().numpy()
    return torch.from_numpy(np.stack([array @ array.T for array in arrays]))


def _add(matrix: Tensor, sparse: csr_array, weight: float) -> None:
    """matrix += weight * sparse, (N, N) both, in place: a sum of whole matrices takes longer."""
    entries = sparse.tocoo()
    matrix.numpy()[entries.row, entries.col] += np.float32(weight) * entries.data


def small_image(image: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 -> (h, w, 3) float64, 0..1, by Pillow's bilinear rule."""
    resized = Image.fromarray(image).resize(grid[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized) / 255
