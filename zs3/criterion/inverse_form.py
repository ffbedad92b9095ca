"""
InverseForm (Borse et al., CVPR 2021, arXiv 2104.02745): how far a map of boundaries would have to
be transformed to become another, as told by a trained regressor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checkpoints.safe_load import safe_load, state_dict_of

INPUTS = ("constant", "probability")


class InverseForm(nn.Module):
    """
    The mean size of the regressor's four numbers over tiles of two boundary maps. Never trained.

    Args:
        tile: side of a tile (pixels).
        tiles: (rows, columns) of tiles that maps are cut into.
        hidden: widths of the regressor's hidden layers.
        shows: what the regressor sees of the prediction: "probability", of being an edge; or
            "constant", 0 everywhere, as published code does by a softmax over a single channel. The
            loss then has no gradient.

    Raises:
        ValueError: it is to be shown something else.
    """

    restored_from_source = True

    def __init__(
        self,
        *,
        tile: int = 224,
        tiles: tuple[int, int] = (3, 6),
        hidden: Sequence[int] = (1000, 32),
        shows: str = "constant",
    ) -> None:
        super().__init__()
        if shows not in INPUTS:
            raise ValueError(
                f"InverseForm can be shown {' or '.join(INPUTS)} of the edges, not {shows!r}."
            )
        self.tile, self.tiles, self.shows = tile, tiles, shows
        self.regressor = Regressor(2 * tile**2, hidden).requires_grad_(False)

    @classmethod
    def of_file(cls, path: str | Path, shows: str) -> InverseForm:
        """
        With published weights (distance_measures_regressor.pth).

        Raises:
            OSError, ValueError: no such file, or none of these weights.
        """
        state = {
            re.sub(r"^(model|module)[^.]*\.", "", key): value
            for key, value in state_dict_of(safe_load(path)).items()
        }
        module = cls(shows=shows)
        try:
            module.regressor.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{path} does not hold InverseForm's regressor: {reason}") from error
        return module

    def forward(self, logits: Tensor, edges: Tensor) -> Tensor:
        """
        Args:
            logits: (B, h, w) of being an edge.
            edges: (B, h, w) bool.
        """
        shown = logits.sigmoid() if self.shows == "probability" else torch.zeros_like(logits)
        return self.regressor(self.cut(shown), self.cut(edges.to(shown))).norm(dim=1).mean()

    def cut(self, maps: Tensor) -> Tensor:
        """(B, h, w) -> (B * tiles, tile, tile), row by row."""
        (rows, columns), side = self.tiles, self.tile
        size = (rows * side, columns * side)
        whole = F.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]
        blocks = whole.unflatten(2, (columns, side)).unflatten(1, (rows, side))
        return blocks.transpose(2, 3).flatten(0, 2)


class Regressor(nn.Module):
    """Two maps in, four numbers of the transformation between them out; `fc` as published."""

    def __init__(self, in_dim: int, hidden: Sequence[int]) -> None:
        super().__init__()
        first, second = hidden
        self.fc = nn.Sequential(
            nn.Linear(in_dim, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, 4),
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two (M, t, t) -> (M, 4)."""
        return self.fc(torch.cat((first.flatten(1), second.flatten(1)), 1))
