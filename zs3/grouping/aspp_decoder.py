"""The head of DeepLabV3+ (Chen et al., arXiv 1802.02611) as ZS3Net has it: its pixel features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.conv_norm import ConvNorm
from ..resize import resize
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .pixel_decoder import DecodedPixels, select
from .registry import PIXEL_DECODER_REGISTRY


@PIXEL_DECODER_REGISTRY.register()
class ASPPDecoder(nn.Module):
    """
    Five looks at the coarse map (a point, three dilations, all of it), joined, enlarged and refined
    beside the fine one.

    Args:
        in_channels: of the fine and of the coarse map, by name.
        aspp_dim: width of the looks, and of what joins them.
        low_level_dim: width the fine map is reduced to.
        mask_dim: width of the pixel features.
        dilations: of the three; doubled for a coarse map of stride 8.
        norm: "BN" or another of `build_norm`.
        dropout: probabilities behind the joined looks and behind each convolution that refines.
    """

    @configurable
    def __init__(
        self,
        *,
        in_channels: dict[str, int],
        aspp_dim: int = 256,
        low_level_dim: int = 48,
        mask_dim: int = 256,
        dilations: Sequence[int] = (6, 12, 18),
        norm: str = "BN",
        dropout: Sequence[float] = (0.5, 0.5, 0.1),
    ) -> None:
        super().__init__()
        (self.fine, fine_channels), (self.coarse, channels) = in_channels.items()
        self.embedding_dim = mask_dim
        self.dropout = tuple(dropout)
        self.branches = nn.ModuleList(
            [
                ConvNorm(channels, aspp_dim, 1, norm=norm),
                *(
                    ConvNorm(channels, aspp_dim, 3, padding=d, dilation=d, norm=norm)
                    for d in dilations
                ),
            ]
        )
        self.pooled = ConvNorm(channels, aspp_dim, 1, norm=norm)
        self.join = ConvNorm(aspp_dim * (len(self.branches) + 1), aspp_dim, 1, norm=norm)
        self.low_level = ConvNorm(fine_channels, low_level_dim, 1, norm=norm)
        self.refine = nn.ModuleList(
            [
                ConvNorm(aspp_dim + low_level_dim, mask_dim, 3, padding=1, norm=norm),
                ConvNorm(mask_dim, mask_dim, 3, padding=1, norm=norm),
            ]
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """
        Raises:
            ValueError: other than two maps.
        """
        decoder = cfg.MODEL.PIXEL_DECODER
        in_channels = select(input_shape, decoder.IN_FEATURES)
        if len(in_channels) != 2:
            raise ValueError(
                f"ASPPDecoder reads a fine map and a coarse one, but MODEL.PIXEL_DECODER."
                f'IN_FEATURES is {list(decoder.IN_FEATURES)}; take ["res2", "res5"].'
            )
        stride = max(input_shape[name].stride or 16 for name in in_channels)
        return {
            "in_channels": in_channels,
            "aspp_dim": decoder.CONV_DIM,
            "low_level_dim": decoder.LOW_LEVEL_DIM,
            "mask_dim": decoder.MASK_DIM,
            "dilations": [dilation * (2 if stride == 8 else 1) for dilation in (6, 12, 18)],
            "norm": decoder.NORM,
        }

    def forward(self, features: dict[str, Tensor]) -> DecodedPixels:
        """
        Args:
            features: (B, C_l, h_l, w_l) by name.
        """
        fine, coarse = features[self.fine], features[self.coarse]
        x = _enlarged(self.looks(coarse), fine)
        x = torch.cat((x, self.low_level(fine).relu()), dim=1)
        for conv, share in zip(self.refine, self.dropout[1:], strict=True):
            x = F.dropout(conv(x).relu(), share, self.training)
        return DecodedPixels(x, ())

    def looks(self, coarse: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, aspp_dim, h, w)."""
        whole = self.pooled(coarse.mean((2, 3), keepdim=True)).relu()
        looks = [branch(coarse).relu() for branch in self.branches]
        joined = torch.cat((*looks, whole.expand_as(looks[0])), dim=1)
        return F.dropout(self.join(joined).relu(), self.dropout[0], self.training)


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return resize(x, (like.shape[2], like.shape[3]), align_corners=True)
