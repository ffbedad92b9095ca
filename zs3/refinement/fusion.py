"""
Two ways to join what the model's head and CLIP say about a region, both weighted geometric means.

Weights are CLIP's exponents, separately for seen and unseen classes; the head has the rest. Seen
classes trust the head, which was trained on them, unseen classes trust CLIP.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..registry import PartRegistry
from ..runtime.config import CfgNode, configurable

FUSION_REGISTRY = PartRegistry("fusion")


@FUSION_REGISTRY.register()
class PublishedFusion(nn.Module):
    """
    ZegFormer's rule, arXiv 2112.07910: p^(1 - w) c^w, not renormalised.

    p is the head's softmax and c CLIP's, both with the head's void logit as one more class, which
    is then dropped. Published settings: weights 1/3 and 2/3 with averaged seen classes
    ("ensembling"); 2/3 and 2/3 without ("ensembling of all classes"); 1 and 1 without (CLIP alone).

    Args:
        seen_weight, unseen_weight: w, 0..1.
        average_seen: CLIP's opinion on every seen class is its mean over the seen classes.
    """

    @configurable
    def __init__(
        self, *, seen_weight: float = 1 / 3, unseen_weight: float = 2 / 3, average_seen: bool = True
    ) -> None:
        super().__init__()
        self.seen_weight = seen_weight
        self.unseen_weight = unseen_weight
        self.average_seen = average_seen

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        look = cfg.MODEL.SECOND_LOOK
        return {
            "seen_weight": look.SEEN_WEIGHT,
            "unseen_weight": look.UNSEEN_WEIGHT,
            "average_seen": look.AVERAGE_SEEN,
        }

    def forward(self, logits: Tensor, clip_logits: Tensor, is_seen: Tensor) -> Tensor:
        """
        Args:
            logits: (B, N, K+1), the head's, void last.
            clip_logits: (B, N, K).
            is_seen: (1, K) or (B, K) bool.

        Returns:
            Tensor: (B, N, K) scores, 0..1; a region's sum is at most 1.
        """
        head = logits.softmax(-1)[..., :-1]
        clip = torch.cat((clip_logits, logits[..., -1:]), -1).softmax(-1)[..., :-1]
        seen = is_seen[:, None]
        if self.average_seen:
            mean = (clip * seen).sum(-1, keepdim=True) / seen.sum(-1, keepdim=True).clamp(min=1)
            clip = torch.where(seen, mean, clip)
        weight = torch.where(seen, self.seen_weight, self.unseen_weight)
        return head ** (1 - weight) * clip**weight


@FUSION_REGISTRY.register()
class RenormalizedFusion(nn.Module):
    """
    The rule of the Shapes benchmark: how much a region is an object, times a distribution over what
    it is.

    p^(1 - w) c^w of the softmaxes over classes without void is renormalised to sum 1 over the
    classes of a region and multiplied by 1 - p(void). Exponents that differ between classes change
    the scale of a region's scores, and renormalising takes that out again.

    Args:
        seen_weight, unseen_weight: w, 0..1.
    """

    @configurable
    def __init__(self, *, seen_weight: float, unseen_weight: float) -> None:
        super().__init__()
        self.seen_weight = seen_weight
        self.unseen_weight = unseen_weight

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        look = cfg.MODEL.SECOND_LOOK
        return {"seen_weight": look.SEEN_WEIGHT, "unseen_weight": look.UNSEEN_WEIGHT}

    def forward(self, logits: Tensor, clip_logits: Tensor, is_seen: Tensor) -> Tensor:
        """As PublishedFusion; a region's scores sum to 1 - p(void)."""
        weight = torch.where(is_seen[:, None], self.seen_weight, self.unseen_weight)
        head, clip = logits[..., :-1].log_softmax(-1), clip_logits.log_softmax(-1)
        object_ = 1 - logits.softmax(-1)[..., -1:]
        # A geometric mean is an arithmetic one of logarithms, and softmax renormalises it.
        return ((1 - weight) * head + weight * clip).softmax(-1) * object_
