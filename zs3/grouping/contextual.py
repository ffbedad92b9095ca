"""Pixels as their context shows them: what CaGNet names, and imitates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..backbone.scales import by_scale
from ..generation.context import Context, ContextualModule
from ..regions import Regions
from ..registry import GROUPING_REGISTRY
from ..resize import resize
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .registry import PIXEL_DECODER_REGISTRY


@dataclass(frozen=True)
class ContextualRegions(Regions):
    """
    Attributes:
        context: where the embeddings are from, as maps (B, C, h, w).
    """

    context: Context = field(kw_only=True)

    @classmethod
    def of(cls, context: Context) -> ContextualRegions:
        pixels = Regions.of_pixels(context.features)
        return cls(pixels.embeddings, grid=pixels.grid, context=context)


@GROUPING_REGISTRY.register()
class ContextualPixels(nn.Module):
    """
    Args:
        pixel_decoder: backbone maps -> `DecodedPixels`, whose mask features are the grid.
        context: maps (B, C, h, w) -> their `Context`.
    """

    @configurable
    def __init__(self, *, pixel_decoder: nn.Module, context: ContextualModule) -> None:
        super().__init__()
        self.pixel_decoder = pixel_decoder
        self.context = context
        self.embedding_dim = pixel_decoder.embedding_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        decoder = PIXEL_DECODER_REGISTRY.get(cfg.MODEL.PIXEL_DECODER.NAME)(cfg, input_shape)
        context = ContextualModule(
            dim=decoder.embedding_dim,
            context_dim=cfg.MODEL.CONTEXT.DIM,
            with_selector=cfg.MODEL.CONTEXT.WITH_SELECTOR,
            pool_padding=cfg.MODEL.CONTEXT.POOL_PADDING,
        )
        return {"pixel_decoder": decoder, "context": context}

    def forward(self, features: dict[str, Tensor]) -> list[Regions]:
        """
        Args:
            features: backbone maps (B, C_l, h_l, w_l) by name.

        Returns:
            list[Regions]: the `ContextualRegions` of scale 1. In training, if there are several
                scales, those of the others and of the maximum over all come first.
        """
        scales = by_scale(features)[0 if self.training else -1 :]
        *others, own = (self.context(self.pixel_decoder(maps).mask_features) for maps in scales)
        final = ContextualRegions.of(own)
        if not others:
            return [final]
        resized = [resize(other.features, final.grid) for other in others]
        best = torch.stack([own.features, *resized]).amax(0)
        return [*(Regions.of_pixels(m) for m in (*(o.features for o in others), best)), final]
