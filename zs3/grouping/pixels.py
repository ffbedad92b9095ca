"""Every pixel a region of its own: what per-pixel methods name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ..backbone.multi_scale import by_scale
from ..regions import Regions
from ..registry import GROUPING_REGISTRY
from ..resize import resize
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
            list[Regions]: one entry; h * w regions without masks. With several scales the regions
                of scale 1, whose levels are the other scales resized to its grid; in training,
                those of every scale for itself come first.
        """
        maps = [self.pixel_decoder(scale).mask_features for scale in by_scale(features)]
        scales = [Regions.of_pixels(scale) for scale in maps]
        if len(scales) == 1:
            return scales
        resized = (Regions.of_pixels(resize(scale, scales[0].grid)) for scale in maps[1:])
        final = replace(scales[0], levels=tuple(scale.embeddings for scale in resized))
        return [*scales, final] if self.training else [final]
