"""
Pyramid pooling (Zhao et al., CVPR 2017, arXiv 1612.01105): every cell also sees averages of the
image. The head of SAZS's DRN variant (arXiv 2304.08491).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.conv_norm import ConvNorm
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .pixel_decoder import DecodedPixels, select
from .registry import PIXEL_DECODER_REGISTRY

SCALES = (1, 2, 3, 6)


@PIXEL_DECODER_REGISTRY.register()
class PyramidPooling(nn.Module):
    """
    Mask features are on the grid of the map it reads, and not negative.

    Args:
        in_feature: name of the map.
        in_channels: its channels.
        mask_dim: width of the mask features.
        norm: as `build_norm`.
        dropout: probability that a channel is dropped in training.
    """

    @configurable
    def __init__(
        self,
        *,
        in_feature: str,
        in_channels: int,
        mask_dim: int,
        norm: str = "BN",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_feature = in_feature
        self.pools = nn.ModuleDict(
            {f"{scale}": ConvNorm(in_channels, in_channels, 1, norm=norm) for scale in SCALES}
        )
        width = in_channels * (1 + len(SCALES))
        self.join = ConvNorm(width, mask_dim, 3, padding=1, norm=norm)
        self.dropout = nn.Dropout2d(dropout)
        self.embedding_dim = mask_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """Reads the finest of MODEL.PIXEL_DECODER.IN_FEATURES."""
        decoder = cfg.MODEL.PIXEL_DECODER
        name, channels = next(iter(select(input_shape, decoder.IN_FEATURES).items()))
        return {
            "in_feature": name,
            "in_channels": channels,
            "mask_dim": decoder.MASK_DIM,
            "norm": decoder.NORM,
            "dropout": decoder.DROPOUT,
        }

    def forward(self, features: dict[str, Tensor]) -> DecodedPixels:
        """As for `BackboneMap`."""
        x = features[self.in_feature]
        maps = [x]
        for scale, conv in self.pools.items():
            pooled = conv(F.adaptive_avg_pool2d(x, int(scale))).relu()
            maps.append(F.interpolate(pooled, x.shape[-2:], mode="bilinear", align_corners=False))
        return DecodedPixels(self.dropout(self.join(torch.cat(maps, 1)).relu()), ())
