"""
Focal and dice loss of every class's map against the pixels of that class: ZegCLIP (arXiv
2212.03588, section 3.5) and Cascade-CLIP. Every class has its own sigmoid, so none competes with
another.
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
from .layers import over_layers
from .mask import dice_loss, outside_term, pixel_terms
from .processes import mean_over_processes


@CRITERION_REGISTRY.register()
class ClassMasks(nn.Module):
    """
    loss_mask over all classes of all images, loss_dice over those that an image shows; both are
    divided by how many those are, the mean over processes and at least 1.

    Args:
        mask_weight, dice_weight: of the two losses.
        mask_loss: "focal" or "bce".
        ignored_are_negative: an ignored pixel is outside of every class, as published: unseen
            things, background and padding teach every class what it is not. Otherwise it is left
            out, which whoever asks about unseen classes and has labelled only some of their pixels
            wants.
    """

    needs_void = False

    @configurable
    def __init__(
        self,
        *,
        mask_weight: float = 100.0,
        dice_weight: float = 1.0,
        mask_loss: str = "focal",
        ignored_are_negative: bool = True,
    ) -> None:
        super().__init__()
        self.mask_weight = mask_weight
        self.dice_weight = dice_weight
        self.pixel_terms = pixel_terms(mask_loss)
        self.outside_term = outside_term(mask_loss)
        self.ignored_are_negative = ignored_are_negative

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        node = cfg.MODEL.CRITERION
        return {
            "mask_weight": node.MASK_WEIGHT,
            "dice_weight": node.DICE_WEIGHT,
            "mask_loss": node.MASK_LOSS,
            "ignored_are_negative": node.IGNORED_ARE_NEGATIVE,
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
            dict: weighted scalars loss_mask and loss_dice; the names of earlier groupings end in
            "_0", "_1", ...
        """
        return over_layers(
            [
                self._losses(region.paint(logit), targets)
                for region, logit in zip(regions, logits, strict=True)
            ]
        )

    def _losses(self, maps: Tensor, targets: Tensor) -> dict[str, Tensor]:
        maps = F.interpolate(maps.float(), targets.shape[1:], mode="bilinear", align_corners=False)
        logits, labels = maps.flatten(2), targets.flatten(1)  # (B, K, S), (B, S)
        classes = torch.arange(maps.shape[1], device=targets.device)
        inside = labels[:, None] == classes[:, None]
        is_class, shown = inside.any(1), inside.any(2)
        count = mean_over_processes(shown.sum())
        # A pixel is outside of all classes but one, whose change need not be known of the others.
        own = logits.gather(1, labels.where(is_class, 0)[:, None])[:, 0]
        change = self.pixel_terms(own)[1] * is_class
        if not self.ignored_are_negative:  # what is outside for certain costs nothing
            logits = logits.masked_fill(~is_class[:, None], -torch.inf)
        focal = (self.outside_term(logits).sum() + change.sum()) / labels.shape[1]
        dice = dice_loss(logits[shown], inside[shown].float()).sum()
        return {
            "loss_mask": self.mask_weight * focal / count,
            "loss_dice": self.dice_weight * dice / count,
        }
