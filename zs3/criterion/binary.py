"""Binary cross-entropy of every pixel and class: classes do not compete (CAT-Seg)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE
from .cells import Cells
from .layers import over_maps


@CRITERION_REGISTRY.register()
class PixelBinaryCrossEntropy(nn.Module):
    """
    Mean over pixels and classes of -log sigmoid(logit) for a pixel's own class and
    -log sigmoid(-logit) for the others; 0 where no pixel counts.

    Args:
        class_weight: factor on the loss.
        loss_size: side of the grid of cells the logits are resized to (bilinear); a label pixel is
            compared with the cell that holds it. 0 makes every pixel a cell.
        ignored_are_negative: pixels without a label count as well, as none of the classes. So were
            CAT-Seg's published weights trained; it also tells a model that what it must not know is
            nothing.
    """

    needs_void = False

    @configurable
    def __init__(
        self,
        *,
        class_weight: float = 1.0,
        loss_size: int = 0,
        ignored_are_negative: bool = False,
    ) -> None:
        super().__init__()
        self.class_weight = class_weight
        self.loss_size = loss_size
        self.ignored_are_negative = ignored_are_negative

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        return {
            "class_weight": cfg.MODEL.CRITERION.CLASS_WEIGHT,
            "loss_size": cfg.MODEL.CRITERION.LOSS_SIZE,
            "ignored_are_negative": cfg.MODEL.CRITERION.IGNORED_ARE_NEGATIVE,
        }

    def forward(
        self, regions: Sequence[Regions], logits: Sequence[Tensor], targets: Tensor
    ) -> dict[str, Tensor]:
        """
        Args:
            regions: L supervised groupings, the final one last.
            logits: their class logits (B, N, K).
            targets: (B, H, W) int64 labels 0..K-1, or IGNORE.

        Returns:
            dict: weighted scalar loss_bce; loss_bce_0, loss_bce_1, ... of earlier groupings.
        """
        return over_maps("loss_bce", self._loss, regions, logits, targets, self.loss_size)

    def _loss(self, maps: Tensor, labels: Tensor, cells: Cells) -> Tensor:
        images, num_classes = maps.shape[:2]
        labelled = labels != IGNORE
        counts = torch.ones_like(labelled) if self.ignored_are_negative else labelled
        index = cells.index.expand(images, -1)
        pixels = maps.new_zeros(images, maps[0, 0].numel())
        pixels = pixels.scatter_add_(1, index, counts.to(maps.dtype))
        # -log sigmoid(-x) for all classes, and -x more for the right one.
        as_negative = (F.softplus(maps).sum(1).flatten(1) * pixels).sum()
        position = labels.masked_fill(~labelled, 0) * pixels.shape[1] + index
        own = (maps.flatten(1).gather(1, position) * labelled).sum()
        mean = (as_negative - own) / (counts.sum().clamp(min=1) * num_classes)
        return self.class_weight * mean
