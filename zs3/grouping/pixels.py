"""Every pixel a region of its own: what per-pixel methods name."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..backbone.scales import by_scale
from ..regions import Regions
from ..registry import GROUPING_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .registry import PIXEL_DECODER_REGISTRY


@GROUPING_REGISTRY.register()
class PixelGrid(nn.Module):
    """
    Args:
        pixel_decoder: backbone maps -> `DecodedPixels`, whose mask features are the grid. It is
            asked once for each scale of a `MultiScale` backbone.
    """

    @configurable
    def __init__(self, *, pixel_decoder: nn.Module) -> None:
        super().__init__()
        self.pixel_decoder = pixel_decoder
        self.embedding_dim = pixel_decoder.embedding_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        pixel_decoder = PIXEL_DECODER_REGISTRY.get(cfg.MODEL.PIXEL_DECODER.NAME)
        return {"pixel_decoder": pixel_decoder(cfg, input_shape)}

    def forward(self, features: dict[str, Tensor]) -> list[Regions]:
        """
        Args:
            features: backbone maps (B, C_l, h_l, w_l) by name.

        Returns:
            list[Regions]: h * w regions without masks; one entry for every size of the images, that
            of their own size last (see `MultiScale`).
        """
        return [
            Regions.of_pixels(self.pixel_decoder(maps).mask_features) for maps in by_scale(features)
        ]
