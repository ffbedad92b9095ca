"""
DPT's decoder (arXiv 2103.13413), after RefineNet (Lin et al., CVPR 2017): coarse maps are enlarged
and joined by finer ones. LSeg (arXiv 2201.03546) reads its finest map.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.conv_norm import ConvNorm
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .pixel_decoder import DecodedPixels, select
from .registry import PIXEL_DECODER_REGISTRY


@PIXEL_DECODER_REGISTRY.register()
class RefineNet(nn.Module):
    """
    Mask features have half the stride of the finest map.

    Args:
        in_channels: of the backbone maps it reads, by name, from fine to coarse, each half the size
            of the one before.
        conv_dim: width F of the decoder.
        mask_dim: width of the mask features.
        norm: "BN", or "" for convolutions with a bias instead.
    """

    @configurable
    def __init__(
        self, *, in_channels: dict[str, int], conv_dim: int, mask_dim: int, norm: str = "BN"
    ) -> None:
        super().__init__()
        self.in_features = tuple(in_channels)
        self.lateral = nn.ModuleList(
            nn.Conv2d(width, conv_dim, 3, padding=1, bias=False) for width in in_channels.values()
        )
        coarsest = len(in_channels) - 1
        self.fusion = nn.ModuleList(
            Fusion(conv_dim, norm=norm, joins=i < coarsest) for i in range(coarsest + 1)
        )
        self.mask_features = nn.Conv2d(conv_dim, mask_dim, 1)
        self.embedding_dim = mask_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        decoder = cfg.MODEL.PIXEL_DECODER
        return {
            "in_channels": select(input_shape, decoder.IN_FEATURES),
            "conv_dim": decoder.CONV_DIM,
            "mask_dim": decoder.MASK_DIM,
            "norm": decoder.NORM,
        }

    def forward(self, features: dict[str, Tensor]) -> DecodedPixels:
        """As for `BackboneMap`; with the three coarsest paths."""
        paths = self.paths(features)
        return DecodedPixels(self.mask_features(paths[-1]), tuple(paths[:3]))

    def paths(self, features: dict[str, Tensor]) -> list[Tensor]:
        """(B, F, 2h, 2w) of every map (B, C, h, w) it reads, from coarse to fine."""
        maps = [
            lateral(features[name])
            for name, lateral in zip(self.in_features, self.lateral, strict=True)
        ]
        *fine, coarsest = zip(self.fusion, maps, strict=True)
        paths = [coarsest[0](coarsest[1])]
        for fusion, skip in reversed(fine):
            paths.append(fusion(paths[-1], skip))
        return paths


class Fusion(nn.Module):
    """
    The coarser path, joined by a map of its size, refined and enlarged.

    Args:
        dim: channels.
        norm: as RefineNet's.
        joins: whether there is a map to join.
    """

    def __init__(self, dim: int, *, norm: str, joins: bool) -> None:
        super().__init__()
        self.skip = ResidualUnit(dim, norm) if joins else None
        self.refine = ResidualUnit(dim, norm)
        self.project = nn.Conv2d(dim, dim, 1)

    def forward(self, path: Tensor, skip: Tensor | None = None) -> Tensor:
        """(B, F, h, w), and perhaps another -> (B, F, 2h, 2w)."""
        if self.skip is not None:
            path = path + self.skip(skip)
        refined = self.refine(path)
        return self.project(
            F.interpolate(refined, scale_factor=2, mode="bilinear", align_corners=True)
        )


class ResidualUnit(nn.Module):
    """Two convolutions, each behind a ReLU, beside the identity."""

    def __init__(self, dim: int, norm: str) -> None:
        super().__init__()
        self.conv1 = ConvNorm(dim, dim, 3, padding=1, norm=norm)
        self.conv2 = ConvNorm(dim, dim, 3, padding=1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x.relu()).relu())
