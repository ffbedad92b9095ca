"""
Pixel decoders: backbone maps into a fine one to compare queries with, and coarser ones to read.

MaskFormer (arXiv 2107.06278, section 3.2). Modules are numbered from the finest level, 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.conv_norm import ConvNorm
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .attention import BlockSpec
from .convolution import c2_xavier
from .position import sine_position
from .registry import PIXEL_DECODER_REGISTRY
from .transformer import Encoder


@dataclass(frozen=True)
class DecodedPixels:
    """
    Attributes:
        mask_features: (B, mask_dim, h, w), at the finest of the input strides.
        multi_scale: (B, conv_dim, h_l, w_l) each, the three coarsest maps of the top-down path (all
            of them if they are fewer), from coarse to fine.
        encoded: (B, conv_dim, h_l, w_l), the coarsest map after a transformer encoder, or None.
    """

    mask_features: Tensor
    multi_scale: tuple[Tensor, ...]
    encoded: Tensor | None = None


@PIXEL_DECODER_REGISTRY.register()
class BackboneMap(nn.Module):
    """
    No decoder: mask features are a map of the backbone as it is.

    Args:
        in_feature: its name.
        in_channels: its channels.
    """

    @configurable
    def __init__(self, *, in_feature: str, in_channels: int) -> None:
        super().__init__()
        self.in_feature = in_feature
        self.embedding_dim = in_channels

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """The finest of MODEL.PIXEL_DECODER.IN_FEATURES."""
        in_channels = select(input_shape, cfg.MODEL.PIXEL_DECODER.IN_FEATURES)
        name = next(iter(in_channels))
        return {"in_feature": name, "in_channels": in_channels[name]}

    def forward(self, features: dict[str, Tensor]) -> DecodedPixels:
        """
        Args:
            features: (B, C_l, h_l, w_l) by name; maps of other names are left alone.
        """
        return DecodedPixels(features[self.in_feature], ())


@PIXEL_DECODER_REGISTRY.register()
class FPN(nn.Module):
    """
    Feature pyramid, from coarse to fine: y = relu(conv3x3(conv1x1(x) + enlarged previous y)).

    Args:
        in_channels: of the backbone maps it reads, by name, from fine to coarse.
        conv_dim: width of the pyramid.
        mask_dim: width of the mask features.
        norm: "GN" (32 groups), "BN", or "" for convolutions with a bias instead.
    """

    @configurable
    def __init__(
        self, *, in_channels: dict[str, int], conv_dim: int, mask_dim: int, norm: str = "GN"
    ) -> None:
        super().__init__()
        self.in_features = tuple(in_channels)
        *fine, coarsest = in_channels.values()
        self.lateral = conv_norms(fine, conv_dim, 1, norm)
        self.output = conv_norms([conv_dim] * len(fine) + [coarsest], conv_dim, 3, norm)
        self.mask_features = c2_xavier(nn.Conv2d(conv_dim, mask_dim, 3, padding=1))
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
        """As for `BackboneMap`."""
        *fine, coarsest = (features[name] for name in self.in_features)
        *outputs, first = self.output
        maps = top_down([first(coarsest).relu()], fine, self.lateral, outputs, mode="nearest")
        return DecodedPixels(self.mask_features(maps[-1]), tuple(maps[:3]))


@PIXEL_DECODER_REGISTRY.register()
class TransformerEncoderFPN(nn.Module):
    """
    An FPN whose coarsest map first goes through a transformer encoder.

    Args:
        in_channels, mask_dim, norm: as for `FPN`.
        enc_layers: layers of the encoder.
        spec: its blocks; their width is the pyramid's as well.
    """

    @configurable
    def __init__(
        self,
        *,
        in_channels: dict[str, int],
        mask_dim: int,
        norm: str = "GN",
        enc_layers: int,
        spec: BlockSpec,
    ) -> None:
        super().__init__()
        self.coarsest = list(in_channels)[-1]
        self.input_proj = c2_xavier(nn.Conv2d(in_channels[self.coarsest], spec.dim, 1))
        self.encoder = Encoder(enc_layers, spec)
        self.fpn = FPN(
            in_channels={**in_channels, self.coarsest: spec.dim},
            conv_dim=spec.dim,
            mask_dim=mask_dim,
            norm=norm,
        )
        self.embedding_dim = mask_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        decoder = cfg.MODEL.PIXEL_DECODER
        return {
            "in_channels": select(input_shape, decoder.IN_FEATURES),
            "mask_dim": decoder.MASK_DIM,
            "norm": decoder.NORM,
            "enc_layers": decoder.ENC_LAYERS,
            "spec": BlockSpec.from_config(cfg, decoder.CONV_DIM),
        }

    def forward(self, features: dict[str, Tensor]) -> DecodedPixels:
        """As for `BackboneMap`; with the encoded map."""
        x = self.input_proj(features[self.coarsest])
        encoded = self.encoder(x, sine_position(x.shape[2:], x.shape[1], device=x.device))
        return replace(self.fpn({**features, self.coarsest: encoded}), encoded=encoded)


def conv_norms(in_channels: Iterable[int], channels: int, kernel: int, norm: str) -> nn.ModuleList:
    """A convolution that keeps the size for every one of `in_channels`, with its norm."""
    return nn.ModuleList(
        c2_xavier(ConvNorm(each, channels, kernel, padding=kernel // 2, norm=norm))
        for each in in_channels
    )


def top_down(
    maps: Sequence[Tensor],
    fine: Sequence[Tensor],
    lateral: Iterable[nn.Module],
    output: Iterable[nn.Module],
    *,
    mode: str,
) -> list[Tensor]:
    """
    An FPN's way down, y = relu(output(lateral(x) + enlarged previous y)).

    Args:
        maps: the way so far, from coarse to fine.
        fine: backbone maps that continue it, from fine to coarse.
        lateral, output: the modules for each of them.
        mode: of the enlargement, "nearest" or "bilinear".

    Returns:
        list[Tensor]: `maps` and one map for each of `fine`, from coarse to fine.
    """
    way = list(maps)
    for x, project, smooth in reversed(list(zip(fine, lateral, output, strict=True))):
        x = project(x)
        above = F.interpolate(way[-1], size=x.shape[2:], mode=mode)
        way.append(smooth(x + above).relu())
    return way


def select(input_shape: dict[str, ShapeSpec], names: Sequence[str]) -> dict[str, int]:
    """
    Channels of some of the backbone's maps by name, from fine to coarse.

    Raises:
        ValueError: the backbone has no map of that name, or none is asked for.
    """
    unknown = [name for name in names if name not in input_shape]
    if unknown or not names:
        raise ValueError(
            f"MODEL.*_DECODER.*_FEATURE(S) asks for {unknown or 'no map at all'}, "
            f"and the backbone gives {sorted(input_shape)}; choose among these."
        )
    by_stride = sorted(names, key=lambda name: cast(int, input_shape[name].stride))
    return {name: cast(int, input_shape[name].channels) for name in by_stride}
