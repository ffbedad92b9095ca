"""Which proposals an expensive second opinion is asked about: not the empty, void and repeated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..runtime.config import CfgNode


@dataclass(frozen=True)
class ProposalFilter:
    """
    Chooses among proposals by their masks (where logits are positive) and their void score.

    Args:
        min_pixels: proposals of fewer pixels are left out; 0 leaves out none.
        max_void: proposals whose probability of being no class is larger are left out, 0..1.
        duplicate_iou: a proposal that overlaps a better one by this IoU (0..1) or more, better
            being less void, is represented by the best such one; 1 keeps all but exact copies,
            above 1 keeps those too.

    Raises:
        ValueError: a share outside its range.
    """

    min_pixels: int = 0
    max_void: float = 1.0
    duplicate_iou: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.max_void <= 1:
            raise ValueError(f"MAX_VOID is {self.max_void}; expected a probability, 0 to 1.")
        if self.duplicate_iou <= 0:
            raise ValueError(
                f"DUPLICATE_IOU is {self.duplicate_iou}; expected an IoU above 0, or more than 1 "
                "to keep duplicates."
            )

    @classmethod
    def from_config(cls, cfg: CfgNode) -> ProposalFilter:
        """The keys of MODEL.SECOND_LOOK."""
        look = cfg.MODEL.SECOND_LOOK
        return cls(look.MIN_PIXELS, look.MAX_VOID, look.DUPLICATE_IOU)

    def __call__(self, masks: Tensor, void: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            masks: (B, N, H, W) logits.
            void: (B, N) probability of being no class.

        Returns:
            kept: (B, N) bool, the proposals that count; the others should score 0.
            representative: (B, N) int64, which proposal of the image is asked on behalf of each
                kept one: itself, unless it is a duplicate. A representative represents itself.
        """
        inside = (masks > 0).flatten(2)
        area = inside.sum(-1)
        kept = (area >= self.min_pixels) & (void <= self.max_void)
        itself = torch.arange(area.shape[1], device=area.device).expand_as(area)
        if self.duplicate_iou > 1:
            return kept, itself
        with torch.autocast(masks.device.type, enabled=False):  # half precision cannot count
            shared = inside.float() @ inside.float().mT
        union = area[:, None] + area[:, :, None] - shared
        alike = (shared >= self.duplicate_iou * union.clamp(min=1)) & kept[:, None]
        better = torch.where(alike, 1 - void[:, None], -1.0)
        best = torch.where(alike.any(-1) & kept, better.argmax(-1), itself)
        asked = torch.zeros_like(kept).scatter(1, best, True)
        return kept, torch.where(asked, itself, best)
