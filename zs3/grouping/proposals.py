"""Masks that queries propose, whatever the classes are (MaskFormer, ZegFormer)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..regions import Regions
from ..registry import GROUPING_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .registry import PIXEL_DECODER_REGISTRY, QUERY_DECODER_REGISTRY


@GROUPING_REGISTRY.register()
class MaskProposals(nn.Module):
    """
    Args:
        pixel_decoder: backbone maps -> `DecodedPixels`.
        decoder: backbone maps and decoded pixels -> regions; its `embedding_dim` is theirs.
    """

    @configurable
    def __init__(self, *, pixel_decoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.pixel_decoder = pixel_decoder
        self.decoder = decoder
        self.embedding_dim = decoder.embedding_dim

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        pixel_decoder = PIXEL_DECODER_REGISTRY.get(cfg.MODEL.PIXEL_DECODER.NAME)
        decoder = QUERY_DECODER_REGISTRY.get(cfg.MODEL.QUERY_DECODER.NAME)
        return {
            "pixel_decoder": pixel_decoder(cfg, input_shape),
            "decoder": decoder(cfg, input_shape),
        }

    def forward(self, features: dict[str, Tensor]) -> list[Regions]:
        """
        Args:
            features: backbone maps (B, C_l, h_l, w_l) by name.

        Returns:
            list[Regions]: with masks at the pixel decoder's resolution; in training of every
            supervised layer, earliest first; else of the last.
        """
        return self.decoder(features, self.pixel_decoder(features))
