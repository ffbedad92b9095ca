"""The backbone that a configuration asks for."""

from __future__ import annotations

import logging

from torch import nn

from ..nearest import did_you_mean
from ..runtime.config import CfgNode
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .beside_clip import BesideClip
from .conv_norm import FrozenBatchNorm2d
from .prompted_clip import PromptedClipVisual
from .scales import MultiScale
from .weights import load_backbone_weights

logger = logging.getLogger(__name__)


def build_backbone(cfg: CfgNode) -> nn.Module:
    """
    The registered MODEL.BACKBONE.NAME, with the weights of MODEL.BACKBONE.WEIGHTS if there are any,
    on the image sizes of MODEL.BACKBONE.SCALES besides the image's own; and CLIP beside it if
    MODEL.CLIP_BESIDE says so.

    Returns:
        nn.Module: images (B, 3, H, W), normalised -> maps (B, C, h, w) by name, whose channels and
        strides `output_shape()` tells.

    Raises:
        ValueError: no such backbone; or weights that do not fit, see `load_backbone_weights`.
    """
    images = ShapeSpec(channels=len(cfg.MODEL.PIXEL_MEAN))
    backbone = _build(cfg, images)
    if not cfg.MODEL.CLIP_BESIDE:
        return backbone
    return BesideClip(backbone=backbone, clip=PromptedClipVisual(cfg, images))


def _build(cfg: CfgNode, images: ShapeSpec) -> nn.Module:
    name = cfg.MODEL.BACKBONE.NAME
    if name not in BACKBONE_REGISTRY:
        known = sorted(key for key, _ in BACKBONE_REGISTRY)
        raise ValueError(
            f"no backbone is called {name!r}; there are {', '.join(known)}."
            + did_you_mean(name, known)
        )
    backbone: nn.Module = BACKBONE_REGISTRY.get(name)(cfg, images)
    scales = cfg.MODEL.BACKBONE.SCALES
    whole = MultiScale(backbone, scales) if scales else backbone
    if cfg.MODEL.WEIGHTS:  # they hold the backbone's
        return whole
    if cfg.MODEL.BACKBONE.WEIGHTS:
        load_backbone_weights(backbone, cfg.MODEL.BACKBONE.WEIGHTS)
    elif any(isinstance(module, FrozenBatchNorm2d) for module in backbone.modules()):
        logger.warning(
            "%s starts from random weights with normalisation that is never trained; give it "
            "ImageNet weights (MODEL.BACKBONE.WEIGHTS) or another norm (MODEL.RESNETS.NORM BN).",
            name,
        )
    return whole
