"""Grouping: backbone maps to regions."""

from __future__ import annotations

from .aspp_decoder import ASPPDecoder
from .build import Grouping, build_grouping
from .contextual import ContextualPixels, ContextualRegions
from .deformable import DeformableAttention
from .deformable_pixel_decoder import MSDeformAttnPixelDecoder
from .detr_decoder import DETRDecoder
from .levels import WithLevels
from .masked_decoder import MaskedDecoder
from .pixel_decoder import FPN, BackboneMap, DecodedPixels, TransformerEncoderFPN
from .pixels import PixelGrid
from .proposals import MaskProposals
from .pyramid_pooling import PyramidPooling
from .refine_net import RefineNet
from .registry import PIXEL_DECODER_REGISTRY, QUERY_DECODER_REGISTRY
from .residual import ResidualProposal

__all__ = [
    "FPN",
    "PIXEL_DECODER_REGISTRY",
    "QUERY_DECODER_REGISTRY",
    "ASPPDecoder",
    "BackboneMap",
    "ContextualPixels",
    "ContextualRegions",
    "DETRDecoder",
    "DecodedPixels",
    "DeformableAttention",
    "Grouping",
    "MSDeformAttnPixelDecoder",
    "MaskProposals",
    "MaskedDecoder",
    "PixelGrid",
    "PyramidPooling",
    "RefineNet",
    "ResidualProposal",
    "TransformerEncoderFPN",
    "WithLevels",
    "build_grouping",
]
