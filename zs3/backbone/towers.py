"""Two backbones side by side: CLIP, to compare with text, and one that sees edges and textures."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..resize import squash
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .clip_visual import ClipVisual


@BACKBONE_REGISTRY.register()
class Towers(nn.Module):
    """
    The features of both, as in the first version of CAT-Seg (arXiv 2303.11797v1).

    Args:
        clip: the first tower.
        appearance: the second; its features have other names.
        image_size: squash the second tower's images to this side (pixels); 0 takes them as they
            are. The first tower has an option of its own.
    """

    @configurable
    def __init__(self, *, clip: ClipVisual, appearance: nn.Module, image_size: int = 0) -> None:
        super().__init__()
        self.clip = clip
        self.appearance: Any = appearance  # Any: a module that has output_shape()
        self.image_size = image_size

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        """
        Raises:
            ValueError: statistics for another number of towers.
        """
        if len(cfg.MODEL.PIXEL_MEAN) != 6 or len(cfg.MODEL.PIXEL_STD) != 6:
            raise ValueError(
                "Towers needs the statistics of two kinds of images, CLIP's first: six numbers in "
                f"MODEL.PIXEL_MEAN and PIXEL_STD, but there are {len(cfg.MODEL.PIXEL_MEAN)} and "
                f"{len(cfg.MODEL.PIXEL_STD)}."
            )
        images = ShapeSpec(channels=3)
        return {
            "clip": ClipVisual(cfg, images),
            "appearance": BACKBONE_REGISTRY.get(cfg.MODEL.TOWERS.APPEARANCE)(cfg, images),
            "image_size": cfg.MODEL.TOWERS.IMAGE_SIZE,
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        return {**self.clip.output_shape(), **self.appearance.output_shape()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """
        Args:
            images: (B, 6, H, W), as the first tower wants them and as the second does.

        Returns:
            dict: (B, C, h, w) maps by name.
        """
        first, second = images.chunk(2, dim=1)
        if self.image_size:
            second = squash(second, self.image_size)
        return {**self.clip(first), **self.appearance(second)}
