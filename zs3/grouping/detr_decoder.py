"""MaskFormer's query decoder (arXiv 2107.06278, section 3.2): DETR's transformer on one map."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..regions import Regions
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .attention import BlockSpec
from .convolution import input_projection
from .mask_head import MaskHead
from .pixel_decoder import DecodedPixels, select
from .position import sine_position
from .registry import QUERY_DECODER_REGISTRY
from .transformer import Transformer

# What IN_FEATURE calls the map that the pixel decoder has encoded.
ENCODED = "pixel_decoder"


@QUERY_DECODER_REGISTRY.register()
class DETRDecoder(nn.Module):
    """
    Args:
        in_feature: the backbone map that queries read, or "pixel_decoder" for the one that the
            pixel decoder has encoded.
        in_channels: its channels.
        mask_dim: width of the mask features.
        num_queries: N.
        enc_layers, dec_layers, spec: of the transformer.
        deep_supervision: every decoder layer is supervised, not only the last.
        enforce_input_proj: project the map even if it has the transformer's width already.
    """

    @configurable
    def __init__(
        self,
        *,
        in_feature: str,
        in_channels: int,
        mask_dim: int,
        num_queries: int,
        enc_layers: int,
        dec_layers: int,
        spec: BlockSpec,
        deep_supervision: bool = True,
        enforce_input_proj: bool = False,
    ) -> None:
        super().__init__()
        self.in_feature = in_feature
        self.deep_supervision = deep_supervision
        self.embedding_dim = spec.dim
        self.input_proj = input_projection(in_channels, spec.dim, enforce=enforce_input_proj)
        self.query_embed = nn.Embedding(num_queries, spec.dim)
        self.transformer = Transformer(spec, enc_layers=enc_layers, dec_layers=dec_layers)
        self.mask_head = MaskHead(spec.dim, mask_dim)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        decoder, pixels = cfg.MODEL.QUERY_DECODER, cfg.MODEL.PIXEL_DECODER
        if decoder.IN_FEATURE == ENCODED:
            in_channels = pixels.CONV_DIM
        else:
            in_channels = select(input_shape, [decoder.IN_FEATURE])[decoder.IN_FEATURE]
        return {
            "in_feature": decoder.IN_FEATURE,
            "in_channels": in_channels,
            "mask_dim": pixels.MASK_DIM,
            "num_queries": decoder.NUM_QUERIES,
            "enc_layers": decoder.ENC_LAYERS,
            "dec_layers": decoder.DEC_LAYERS,
            "spec": BlockSpec.from_config(cfg, decoder.HIDDEN_DIM),
            "deep_supervision": decoder.DEEP_SUPERVISION,
            "enforce_input_proj": decoder.ENFORCE_INPUT_PROJ,
        }

    def forward(self, features: dict[str, Tensor], decoded: DecodedPixels) -> list[Regions]:
        """
        Args:
            features: backbone maps (B, C_l, h_l, w_l) by name.

        Returns:
            list[Regions]: in training of every supervised layer, earliest first; else of the last.

        Raises:
            ValueError: the queries read the encoded map, and the pixel decoder encodes none.
        """
        x = decoded.encoded if self.in_feature == ENCODED else features[self.in_feature]
        if x is None:
            raise ValueError(
                f"queries read the map {ENCODED!r}, but this pixel decoder encodes none; "
                "use TransformerEncoderFPN or MSDeformAttnPixelDecoder, or a backbone map as "
                "IN_FEATURE."
            )
        x = self.input_proj(x)
        position = sine_position(x.shape[2:], x.shape[1], device=x.device)
        states, _ = self.transformer(x, position, self.query_embed.weight)
        supervised = states if self.training and self.deep_supervision else states[-1:]
        return [self.mask_head(queries, decoded.mask_features) for queries in supervised]
