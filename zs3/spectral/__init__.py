"""Segments of an image from the eigenvectors of a graph of its features. Nothing is trained."""

from .eigen import laplacian_eigenvectors
from .graph import SpectralGraph
from .masks import binary_masks, enlarged, minority_positive

__all__ = [
    "SpectralGraph",
    "binary_masks",
    "enlarged",
    "laplacian_eigenvectors",
    "minority_positive",
]
