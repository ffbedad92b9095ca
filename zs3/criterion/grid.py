"""Cross-entropy on the grid of the features: labels are resized, logits are not (SPNet, CaGNet)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.warping import source_rows
from ..regions import Regions, highest
from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE
from .layers import over_layers


@CRITERION_REGISTRY.register()
class GridCrossEntropy(nn.Module):
    """
    Mean of -log softmax(logits)[label] over the labelled cells of the grid, added up over scales
    and, if there are several, their highest logits.

    Args:
        class_weight: factor on the loss.
    """

    needs_void = False

    @configurable
    def __init__(self, *, class_weight: float = 1.0) -> None:
        super().__init__()
        self.class_weight = class_weight

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        return {"class_weight": cfg.MODEL.CRITERION.CLASS_WEIGHT}

    def forward(
        self, regions: Sequence[Regions], logits: Sequence[Tensor], targets: Tensor
    ) -> dict[str, Tensor]:
        """
        Args:
            regions: L supervised groupings, whose regions are cells; the final one last.
            logits: their class logits (B, N, K).
            targets: (B, H, W) int64 labels 0..K-1, or IGNORE.

        Returns:
            dict: weighted scalar loss_ce; of several groupings that of their highest logits, and
                loss_ce_0, loss_ce_1, ... of each.
        """
        supervised = [(group.grid, own) for group, own in zip(regions, logits, strict=True)]
        if len(regions) > 1:
            best = highest(regions, logits)
            supervised.append((regions[-1].grid, best.flatten(2).mT))
        return over_layers(
            [
                {"loss_ce": self.class_weight * cell_loss(own, at_grid(targets, grid))}
                for grid, own in supervised
            ]
        )


def at_grid(labels: Tensor, grid: tuple[int, int]) -> Tensor:
    """(B, H, W) -> (B, N), the label of each cell of a grid (h, w): nearest, as OpenCV does."""
    rows, columns = (
        torch.from_numpy(source_rows(before, after)).to(labels.device)
        for before, after in zip(labels.shape[1:], grid, strict=True)
    )
    return labels[:, rows[:, None], columns].flatten(1)


def cell_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of (B, N, K) at the labelled ones of (B, N); 0 if there are none."""
    total = F.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORE, reduction="sum"
    )
    return total / (labels != IGNORE).sum().clamp(min=1)
