"""
Regions: what every grouping of pixels comes down to.

A pixel is a region whose mask is one pixel. Query-based methods bring N masks, per-pixel methods
bring none and region n is cell n of the feature grid, so whatever names regions need not know which
of the two it is looking at.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Regions:
    """
    Attributes:
        embeddings: (B, N, C), one row a region.
        grid: (h, w), size of the feature grid.
        masks: (B, N, h, w) logits, or None if region n is cell n of the grid (then N = h * w, row
            by row).
        levels: further embeddings (B, N, C_l) of the same regions, shallow to deep, for namings
            that ask several levels.
        summary: (B, D), one vector for the whole image (CLIP's class token), or None.
    """

    embeddings: Tensor
    grid: tuple[int, int]
    masks: Tensor | None = None
    levels: tuple[Tensor, ...] = ()
    summary: Tensor | None = None

    @classmethod
    def of_pixels(cls, features: Tensor) -> Regions:
        """One region a cell of (B, C, h, w)."""
        return cls(features.flatten(2).transpose(1, 2), grid=(features.shape[2], features.shape[3]))

    def of_images(self, images: slice) -> Regions:
        """Those of some images of the batch."""
        return Regions(
            self.embeddings[images],
            self.grid,
            None if self.masks is None else self.masks[images],
            tuple(level[images] for level in self.levels),
            None if self.summary is None else self.summary[images],
        )

    def paint(self, scores: Tensor) -> Tensor:
        """
        Spreads the scores of regions over the grid.

        Args:
            scores: (B, N, K).

        Returns:
            Tensor: (B, K, h, w): each cell's own scores, or the sum over regions weighted by
                sigmoid(mask).
        """
        if self.masks is None:
            return scores.transpose(1, 2).unflatten(2, self.grid)
        return torch.einsum("bnk,bnhw->bkhw", scores, self.masks.sigmoid())
