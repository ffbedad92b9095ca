"""Features of CLIP's image tower, by patch, for the spectral prior."""

from __future__ import annotations

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.clip_visual import ClipVisual
from ..text import load_clip


class ClipPatches(nn.Module):
    """
    Images -> what CLIP's last attention would take from every patch. Never trained.

    Images are resized to whole patches.

    Args:
        visual: CLIP's image tower.
    """

    restored_from_source = True
    mean: Tensor
    std: Tensor

    def __init__(self, visual: ClipVisual) -> None:
        super().__init__()
        self.visual = visual.requires_grad_(False)
        self.patch: int = visual.visual.patch_size[0]
        statistics = (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
        for name, numbers in zip(("mean", "std"), statistics, strict=True):
            self.register_buffer(name, 255 * torch.tensor(numbers).view(3, 1, 1), persistent=False)

    @classmethod
    def of_name(cls, name: str, pretrained: str) -> ClipPatches:
        """Of the CLIP that `load_clip` finds; raises as it does."""
        return cls(ClipVisual(visual=load_clip(name, pretrained)[0].visual, dense="value"))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), 0..255 -> (B, D, h, w), h = H // patch rounded up."""
        size = [-(-side // self.patch) * self.patch for side in image.shape[-2:]]
        image = F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
        return self.visual((image - self.mean) / self.std)["clip"]
