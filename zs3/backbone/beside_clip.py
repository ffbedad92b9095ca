"""CLIP's prompted tower beside another backbone, for namings that ask its levels."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..runtime.layers import ShapeSpec
from .prompted_clip import PromptedClipVisual


class BesideClip(nn.Module):
    """
    The features of both. Both see images normalised for the backbone, which is what ZegCLIP's
    published weights are used to; where CLIP's own statistics differ, the prompts have to learn it.

    Args:
        backbone: a backbone as `build_backbone` makes it.
        clip: gives the maps that the other has not.
    """

    def __init__(self, *, backbone: Any, clip: PromptedClipVisual) -> None:
        super().__init__()
        self.backbone: Any = backbone  # a module that has output_shape()
        self.clip = clip

    def output_shape(self) -> dict[str, ShapeSpec]:
        return {**self.backbone.output_shape(), **self.clip.output_shape()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W), normalised -> (B, C, h, w) maps by name."""
        return {**self.backbone(images), **self.clip(images)}
