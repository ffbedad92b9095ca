"""
Set criterion: every segment teaches one query its class and its mask, other queries learn "void".

MaskFormer, arXiv 2107.06278, section 3.3, as ZegFormer (arXiv 2112.07910) uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode, configurable
from .comparison import Comparison, EveryCell
from .layers import over_layers
from .mask import dice_loss, mask_loss, pixel_terms
from .matcher import HungarianMatcher, LayerOutput, Matching
from .points import SampledPoints
from .processes import mean_over_processes
from .segments import Segments


@CRITERION_REGISTRY.register()
class SetCriterion(nn.Module):
    """
    loss_ce, loss_mask and loss_dice of every supervised layer. They add up: where a recipe states
    the mean over L layers, its weights are to be divided by L.

    Args:
        matcher: pairs queries with segments, for each layer anew.
        class_weight, mask_weight, dice_weight: of the three losses, for every layer.
        mask_loss: "focal" or "bce".
        void_weight: of the void class within the cross-entropy, against 1 for every other class.
        loss_size: side of the segments in cells: targets become the share of each cell that a
            segment covers. 0 keeps the size of the labels.
        comparison: where masks are compared; `EveryCell` of the segments if left out, predictions
            being resized to them bilinearly.
    """

    needs_void = True

    @configurable
    def __init__(
        self,
        *,
        matcher: HungarianMatcher,
        class_weight: float = 1.0,
        mask_weight: float = 20.0,
        dice_weight: float = 1.0,
        mask_loss: str = "focal",
        void_weight: float = 0.1,
        loss_size: int = 0,
        comparison: Comparison | None = None,
    ) -> None:
        super().__init__()
        self.matcher = matcher
        self.weights = {"loss_ce": class_weight, "loss_mask": mask_weight, "loss_dice": dice_weight}
        self.pixel_terms = pixel_terms(mask_loss)
        self.void_weight = void_weight
        self.loss_size = loss_size
        self.comparison = comparison or EveryCell()

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        node = cfg.MODEL.CRITERION
        comparison: Comparison = EveryCell()
        if node.NUM_POINTS:
            comparison = SampledPoints(
                num_points=node.NUM_POINTS,
                oversample_ratio=node.OVERSAMPLE_RATIO,
                importance_sample_ratio=node.IMPORTANCE_SAMPLE_RATIO,
            )
        return {
            "matcher": HungarianMatcher(
                class_cost=node.CLASS_COST,
                mask_cost=node.MASK_COST,
                dice_cost=node.DICE_COST,
                mask_loss=node.MASK_LOSS,
                comparison=comparison,
            ),
            "class_weight": node.CLASS_WEIGHT,
            "mask_weight": node.MASK_WEIGHT,
            "dice_weight": node.DICE_WEIGHT,
            "mask_loss": node.MASK_LOSS,
            "void_weight": node.VOID_WEIGHT,
            "loss_size": node.LOSS_SIZE,
            "comparison": comparison,
        }

    def forward(
        self, regions: Sequence[Regions], logits: Sequence[Tensor], targets: Tensor
    ) -> dict[str, Tensor]:
        """
        Args:
            regions: L supervised groupings with masks (B, Q, h, w), the final one last.
            logits: their class logits (B, Q, K + 1), void last.
            targets: (B, H, W) int64 labels 0..K-1; IGNORE for pixels of no segment, which every
                mask is to leave out.

        Returns:
            dict: weighted scalars loss_ce, loss_mask, loss_dice; the names of earlier layers end in
            "_0", "_1", ...

        Raises:
            ValueError: regions without masks, or labels that are no class.
        """
        outputs = []
        for region, logit in zip(regions, logits, strict=True):
            if region.masks is None:
                raise ValueError(
                    "SetCriterion needs regions with masks, but these are pixels; take "
                    "PixelCrossEntropy as the criterion, or MaskProposals as the grouping."
                )
            outputs.append((logit, region.masks))
        num_classes = logits[-1].shape[2] - 1
        layers = self._layers(outputs, Segments.of_map(targets, num_classes, self.loss_size))
        return over_layers(
            [{name: self.weights[name] * losses[name] for name in losses} for losses in layers]
        )

    def losses(self, outputs: Sequence[LayerOutput], segments: Segments) -> dict[str, Tensor]:
        """As `forward`, for segments that may overlap, and without the weights."""
        return over_layers(self._layers(outputs, segments))

    def _layers(
        self, outputs: Sequence[LayerOutput], segments: Segments
    ) -> list[dict[str, Tensor]]:
        matchings = self.matcher(outputs, segments)
        count = mean_over_processes(
            torch.tensor(len(segments.labels), device=segments.labels.device)
        )
        return [
            {"loss_ce": self._class_loss(logits, matching, segments)}
            | self._mask_losses(masks, matching, segments, count)
            for (logits, masks), matching in zip(outputs, matchings, strict=True)
        ]

    def _class_loss(self, logits: Tensor, matching: Matching, segments: Segments) -> Tensor:
        void = logits.shape[2] - 1
        classes = torch.full(logits.shape[:2], void, device=logits.device)
        classes[matching.image, matching.query] = segments.labels[matching.segment]
        weight = torch.ones(void + 1, device=logits.device)
        weight[void] = self.void_weight
        return F.cross_entropy(logits.flatten(0, 1).float(), classes.flatten(), weight)

    def _mask_losses(
        self, masks: Tensor, matching: Matching, segments: Segments, count: Tensor
    ) -> dict[str, Tensor]:
        # As a rule all segments are matched, in their order, and need not be copied.
        all_matched = len(matching.segment) == len(segments.labels)
        targets = segments.masks if all_matched else segments.masks[matching.segment]
        x, t = self.comparison.for_losses(masks[matching.image, matching.query], targets)
        return {
            "loss_mask": mask_loss(self.pixel_terms(x), t).sum() / count,
            "loss_dice": dice_loss(x, t).sum() / count,
        }
