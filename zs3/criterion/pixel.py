"""Cross-entropy of every labelled pixel: the criterion of groupings whose regions are pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..regions import Regions
from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE
from .cells import Cells
from .layers import over_maps


@CRITERION_REGISTRY.register()
class PixelCrossEntropy(nn.Module):
    """
    Mean of -log softmax(logits)[label] over the pixels with a label; 0 where there is none.

    Args:
        class_weight: factor on the loss.
        loss_size: side of the grid of cells the logits are resized to (bilinear); a label pixel is
            compared with the cell that holds it. 0 makes every pixel a cell.
        align_corners: the logits' corner cells lie on the corners of that grid (LSeg).
    """

    needs_void = False

    @configurable
    def __init__(
        self, *, class_weight: float = 1.0, loss_size: int = 0, align_corners: bool = False
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.class_weight = class_weight
        self.loss_size = loss_size

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        return {
            "class_weight": cfg.MODEL.CRITERION.CLASS_WEIGHT,
            "loss_size": cfg.MODEL.CRITERION.LOSS_SIZE,
            "align_corners": cfg.MODEL.CRITERION.ALIGN_CORNERS,
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
            dict: weighted scalar loss_ce; loss_ce_0, loss_ce_1, ... of earlier groupings.
        """
        return over_maps(
            "loss_ce",
            self._loss,
            regions,
            logits,
            targets,
            self.loss_size,
            align_corners=self.align_corners,
        )

    def _loss(self, maps: Tensor, labels: Tensor, cells: Cells) -> Tensor:
        scores = maps.flatten(2).mT.log_softmax(2)  # (B, cells, K)
        labelled = labels != IGNORE
        position = cells.index * scores.shape[2] + labels.masked_fill(~labelled, 0)
        losses = -scores.flatten(1).gather(1, position)
        return self.class_weight * ((losses * labelled).sum() / labelled.sum().clamp(min=1))
