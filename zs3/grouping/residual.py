"""
One proposal more: what no query claims (prediction only).

Trained with unseen pixels ignored, queries learn that nothing is there and leave regions uncovered.
The residual covers them, without an opinion on their class; a second look by CLIP names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.config import CfgNode, configurable

# A logit that is as good as minus infinity, and stays finite when it is interpolated.
NOTHING = -30.0


class ResidualProposal(nn.Module):
    """
    Adds the mask 1 - max_q sigmoid(mask_q) where it exceeds 0.5, after an opening with a square.

    Args:
        min_pixels: the opened region must have this many pixels of the input.
        kernel: side of the square (pixels of the input, odd).

    Raises:
        ValueError: an even kernel.
    """

    @configurable
    def __init__(self, *, min_pixels: int = 100, kernel: int = 5) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"the opening needs an odd kernel, got {kernel}; use {kernel + 1}.")
        self.min_pixels = min_pixels
        self.kernel = kernel

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        residual = cfg.MODEL.RESIDUAL_PROPOSAL
        return {"min_pixels": residual.MIN_PIXELS, "kernel": residual.KERNEL}

    def forward(
        self, masks: Tensor, logits: Tensor, sizes: Sequence[tuple[int, int]]
    ) -> tuple[Tensor, Tensor]:
        """
        Args:
            masks: (B, N, H, W) logits at the resolution of the padded input.
            logits: (B, N, K+1), void last.
            sizes: (H, W) of every image before padding; padding is no residual.

        Returns:
            tuple[Tensor, Tensor]: masks (B, N+1, H, W) and logits (B, N+1, K+1). The last region is
            the residual: every class alike, and not void. Where nothing is left: empty, and void.
        """
        unclaimed = -masks.amax(1, keepdim=True)
        inside = torch.zeros_like(unclaimed, dtype=torch.bool)
        for image, (height, width) in zip(inside, sizes, strict=True):
            image[:, :height, :width] = True
        # An opening is an erosion, then a dilation; what lies outside the image takes no part.
        eroded = inside & ~self._dilate(inside & (unclaimed <= 0))
        opened = inside & self._dilate(eroded)
        found = opened.sum((2, 3), keepdim=True) >= self.min_pixels
        mask = unclaimed.where(opened & found, NOTHING)

        any_class = logits.new_zeros(logits.shape[2])
        any_class[-1] = NOTHING
        void = NOTHING - any_class
        extra = torch.where(found[..., 0], any_class, void)
        return torch.cat((masks, mask), 1), torch.cat((logits, extra), 1)

    def _dilate(self, region: Tensor) -> Tensor:
        """(B, 1, H, W) bool: what a square centred in the region can touch."""
        return F.max_pool2d(region.float(), self.kernel, stride=1, padding=self.kernel // 2) > 0
