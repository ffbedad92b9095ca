"""
Mask2Former's pixel decoder (arXiv 2112.01527, section 4.1): deformable attention over coarse maps.

The encoder reads and rewrites several maps at once, then an FPN goes on to the finer ones. Letters:
S tokens of all maps that are encoded, map after map from the coarsest, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .attention import BlockSpec, FeedForwardBlock
from .convolution import c2_xavier
from .deformable import DeformableAttention
from .pixel_decoder import DecodedPixels, conv_norms, select, top_down
from .position import sine_position
from .registry import PIXEL_DECODER_REGISTRY
from .transformer import map_tokens


class DeformableAttentionBlock(nn.Module):
    """norm(x + attention(x)); positions are added to queries, not to values."""

    def __init__(self, spec: BlockSpec, *, levels: int, points: int) -> None:
        super().__init__()
        self.attention = DeformableAttention(
            dim=spec.dim, heads=spec.heads, levels=levels, points=points
        )
        self.norm = nn.LayerNorm(spec.dim)
        self.dropout = nn.Dropout(spec.dropout)

    def forward(self, x: Tensor, position: Tensor, reference: Tensor, sizes: Tensor) -> Tensor:
        """(B, S, C) -> (B, S, C); the rest as for `DeformableAttention`."""
        return self.norm(x + self.dropout(self.attention(x + position, reference, x, sizes)))


class DeformableEncoderLayer(nn.Module):
    """Deformable attention among the tokens of all maps, then the feed-forward block."""

    def __init__(self, spec: BlockSpec, *, levels: int, points: int) -> None:
        super().__init__()
        self.self_attention = DeformableAttentionBlock(spec, levels=levels, points=points)
        self.feed_forward = FeedForwardBlock(spec)

    def forward(self, x: Tensor, position: Tensor, reference: Tensor, sizes: Tensor) -> Tensor:
        """As for `DeformableAttentionBlock`."""
        return self.feed_forward(self.self_attention(x, position, reference, sizes))


class DeformableEncoder(nn.Module):
    """
    Args:
        num_layers: of deformable attention and feed-forward.
        spec: their blocks, post-norm.
        levels: how many maps are encoded.
        points: that a query reads of each map.

    Raises:
        ValueError: pre-norm blocks.
    """

    def __init__(self, num_layers: int, spec: BlockSpec, *, levels: int, points: int) -> None:
        super().__init__()
        if spec.pre_norm:
            raise ValueError("the deformable encoder has post-norm blocks only, not pre_norm=True.")
        self.level_embed = nn.Parameter(torch.randn(levels, spec.dim))
        self.layers = nn.ModuleList(
            DeformableEncoderLayer(spec, levels=levels, points=points) for _ in range(num_layers)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """(B, C, h_l, w_l) -> (B, C, h_l, w_l), map by map."""
        device, grids = maps[0].device, [x.shape[2:] for x in maps]
        sizes = torch.tensor(grids, device=device)
        position = torch.cat(
            [
                map_tokens(sine_position(grid, level.shape[0], device=device)) + level
                for grid, level in zip(grids, self.level_embed, strict=True)
            ]
        )
        # A cell's place is the same on every map of every image.
        reference = torch.cat([_centres(grid, device) for grid in grids])[:, None]  # (S, 1, 2)
        x = torch.cat([map_tokens(x) for x in maps], 1)
        for layer in self.layers:
            x = layer(x, position, reference, sizes)
        encoded = x.split([grid.numel() for grid in grids], 1)
        return [tokens.mT.unflatten(2, grid) for tokens, grid in zip(encoded, grids, strict=True)]


def _centres(size: Sequence[int], device: torch.device) -> Tensor:
    """(height * width, 2): (x, y) of a map's cells, 0..1 from edge to edge."""
    y, x = ((torch.arange(length, device=device) + 0.5) / length for length in size)
    return torch.cartesian_prod(y, x).flip(1)


@PIXEL_DECODER_REGISTRY.register()
class MSDeformAttnPixelDecoder(nn.Module):
    """
    Args:
        enc_channels: of the backbone maps that are encoded, by name, from fine to coarse.
        fine_channels: of those that the FPN adds afterwards, by name, from fine to coarse.
        mask_dim: width of the mask features.
        norm: of the FPN, as for `FPN`.
        enc_layers, points: as for `DeformableEncoder`.
        spec: blocks of the encoder; their width is the FPN's as well.
    """

    @configurable
    def __init__(
        self,
        *,
        enc_channels: dict[str, int],
        fine_channels: dict[str, int],
        mask_dim: int,
        norm: str = "GN",
        enc_layers: int,
        points: int = 4,
        spec: BlockSpec,
    ) -> None:
        super().__init__()
        self.enc_features = tuple(reversed(enc_channels))
        self.fine_features = tuple(fine_channels)
        self.input_proj = nn.ModuleList(
            _projection(enc_channels[name], spec.dim) for name in self.enc_features
        )
        self.encoder = DeformableEncoder(enc_layers, spec, levels=len(enc_channels), points=points)
        self.lateral = conv_norms(fine_channels.values(), spec.dim, 1, norm)
        self.output = conv_norms([spec.dim] * len(fine_channels), spec.dim, 3, norm)
        self.mask_features = c2_xavier(nn.Conv2d(spec.dim, mask_dim, 1))
        self.embedding_dim = mask_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        decoder = cfg.MODEL.PIXEL_DECODER
        enc_channels = select(input_shape, decoder.ENC_FEATURES)
        maps = select(input_shape, [*decoder.IN_FEATURES, *enc_channels])
        fine = takewhile(lambda name: name not in enc_channels, maps)
        spec = BlockSpec.from_config(cfg, decoder.CONV_DIM)
        return {
            "enc_channels": enc_channels,
            "fine_channels": {name: maps[name] for name in fine},
            "mask_dim": decoder.MASK_DIM,
            "norm": decoder.NORM,
            "enc_layers": decoder.ENC_LAYERS,
            "points": decoder.ENC_POINTS,
            "spec": replace(spec, dim_feedforward=decoder.ENC_DIM_FEEDFORWARD, pre_norm=False),
        }

    def forward(self, features: dict[str, Tensor]) -> DecodedPixels:
        """As for `BackboneMap`; with the encoded map."""
        coarse = [features[name] for name in self.enc_features]
        # Places and their shares need more digits than half precision has.
        with torch.autocast(coarse[0].device.type, enabled=False):
            maps = [project(x.float()) for project, x in zip(self.input_proj, coarse, strict=True)]
            encoded = self.encoder(maps)
        fine = [features[name] for name in self.fine_features]
        maps = top_down(encoded, fine, self.lateral, self.output, mode="bilinear")
        return DecodedPixels(self.mask_features(maps[-1]), tuple(maps[:3]), encoded[0])


def _projection(in_channels: int, channels: int) -> nn.Module:
    """A 1x1 convolution and its norm, 32 groups whatever the FPN's is."""
    conv = nn.Conv2d(in_channels, channels, 1)
    nn.init.xavier_uniform_(conv.weight)
    nn.init.zeros_(cast(Tensor, conv.bias))
    return nn.Sequential(conv, nn.GroupNorm(32, channels))
