"""
Mask2Former's query decoder (arXiv 2112.01527, section 3.2): maps in turn, read inside the masks.

Masks are predicted before the first layer and after each; what a query's mask leaves out, its next
cross-attention does not see (masked attention, equation 2).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .attention import AttentionBlock, BlockSpec, FeedForwardBlock
from .convolution import input_projection
from .mask_head import MaskHead
from .pixel_decoder import DecodedPixels
from .position import sine_position
from .registry import QUERY_DECODER_REGISTRY
from .transformer import map_tokens


class MaskedDecoderLayer(nn.Module):
    """Cross-attention inside the masks, self-attention among queries, then feed-forward."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.cross_attention = AttentionBlock(spec)
        self.self_attention = AttentionBlock(spec)
        self.feed_forward = FeedForwardBlock(spec)

    def forward(
        self,
        x: Tensor,
        query_position: Tensor,
        memory: Tensor,
        memory_position: Tensor,
        attend: Tensor,
    ) -> Tensor:
        """(B, N, C) queries that read (B, M, C) where `attend` (B, N, M) allows -> (B, N, C)."""
        x = self.cross_attention(x, query_position, memory, memory_position, attend)
        x = self.self_attention(x, query_position)
        return self.feed_forward(x)


@QUERY_DECODER_REGISTRY.register()
class MaskedDecoder(nn.Module):
    """
    Args:
        in_channels: of the pixel decoder's maps.
        num_scales: how many of these maps the layers take turns with, from the coarsest.
        mask_dim: width of the mask features.
        num_queries: N.
        dec_layers: L; there are L + 1 predictions.
        spec: blocks of the layers, of width C.
        deep_supervision: all L + 1 predictions are supervised, not only the last.
        enforce_input_proj: project the maps even if they have width C already.
    """

    @configurable
    def __init__(
        self,
        *,
        in_channels: int,
        num_scales: int = 3,
        mask_dim: int,
        num_queries: int,
        dec_layers: int,
        spec: BlockSpec,
        deep_supervision: bool = True,
        enforce_input_proj: bool = False,
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.embedding_dim = spec.dim
        self.input_proj = nn.ModuleList(
            input_projection(in_channels, spec.dim, enforce=enforce_input_proj)
            for _ in range(num_scales)
        )
        self.level_embed = nn.Embedding(num_scales, spec.dim)
        self.query_feat = nn.Embedding(num_queries, spec.dim)
        self.query_embed = nn.Embedding(num_queries, spec.dim)
        self.layers = nn.ModuleList(MaskedDecoderLayer(spec) for _ in range(dec_layers))
        self.norm = nn.LayerNorm(spec.dim)
        self.mask_head = MaskHead(spec.dim, mask_dim)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        decoder, pixels = cfg.MODEL.QUERY_DECODER, cfg.MODEL.PIXEL_DECODER
        return {
            "in_channels": pixels.CONV_DIM,
            "num_scales": decoder.NUM_SCALES,
            "mask_dim": pixels.MASK_DIM,
            "num_queries": decoder.NUM_QUERIES,
            "dec_layers": decoder.DEC_LAYERS,
            "spec": BlockSpec.from_config(cfg, decoder.HIDDEN_DIM),
            "deep_supervision": decoder.DEEP_SUPERVISION,
            "enforce_input_proj": decoder.ENFORCE_INPUT_PROJ,
        }

    def forward(self, features: dict[str, Tensor], decoded: DecodedPixels) -> list[Regions]:
        """
        Args:
            features: not read; the maps are the pixel decoder's.

        Returns:
            list[Regions]: in training of every supervised layer, earliest first, the start being
            one; else of the last.

        Raises:
            ValueError: the pixel decoder has fewer maps than scales.
        """
        scales = [
            self._scale(level, decoded.multi_scale, decoded.mask_features)
            for level in range(len(self.input_proj))
        ]
        position = self.query_embed.weight
        x = self.query_feat.weight.expand(len(decoded.mask_features), -1, -1)
        predictions = [self.norm(x)]
        for i, layer in enumerate(self.layers):
            memory, memory_position, mask_features = scales[i % len(scales)]
            attend = self._attend(predictions[-1], mask_features)
            x = layer(x, position, memory, memory_position, attend)
            predictions.append(self.norm(x))
        supervised = predictions if self.training and self.deep_supervision else predictions[-1:]
        return [self.mask_head(queries, decoded.mask_features) for queries in supervised]

    def _scale(
        self, level: int, maps: tuple[Tensor, ...], mask_features: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens (B, M, C) of a map, their positions (M, C), and the mask features at its size."""
        if level >= len(maps):
            raise ValueError(
                f"the query decoder takes turns with {len(self.input_proj)} maps, but the pixel "
                f"decoder gives {len(maps)}; lower MODEL.QUERY_DECODER.NUM_SCALES or give it more."
            )
        x = self.input_proj[level](maps[level])
        memory = map_tokens(x) + self.level_embed.weight[level]
        position = sine_position(x.shape[2:], x.shape[1], device=x.device)
        # Resizing is linear: masks of resized features are resized masks, whatever the query.
        resized = F.interpolate(mask_features, size=x.shape[2:], mode="bilinear")
        return memory, map_tokens(position), resized

    @torch.no_grad()
    def _attend(self, queries: Tensor, mask_features: Tensor) -> Tensor:
        """(B, N, M) bool: inside the query's mask; everywhere if the mask is empty."""
        inside = self.mask_head.logits(queries, mask_features).flatten(2) >= 0
        return inside | ~inside.any(2, keepdim=True)
