"""Models by name, and the way back from a model's size to the image's."""

from __future__ import annotations

import torch
from fvcore.common.config import CfgNode
from fvcore.common.registry import Registry
from torch import Tensor, nn
from torch.nn import functional as F

# Called as `entry(cfg)`.
META_ARCH_REGISTRY = Registry("META_ARCH")
# Called as `entry(cfg, input_shape: ShapeSpec)`.
BACKBONE_REGISTRY = Registry("BACKBONE")


def build_model(cfg: CfgNode) -> nn.Module:
    """MODEL.META_ARCHITECTURE, made from `cfg`, on MODEL.DEVICE. Loads no weights."""
    model: nn.Module = META_ARCH_REGISTRY.get(cfg.MODEL.META_ARCHITECTURE)(cfg)
    return model.to(torch.device(cfg.MODEL.DEVICE))


def sem_seg_postprocess(
    result: Tensor, img_size: tuple[int, int], output_height: int, output_width: int
) -> Tensor:
    """
    Cuts the padding off and resizes bilinearly.

    Args:
        result: (K, H, W) scores or logits of a padded image.
        img_size: (height, width) of the image before padding.

    Returns:
        Tensor: (K, output_height, output_width).
    """
    height, width = img_size
    image = result[None, :, :height, :width]
    return F.interpolate(
        image, (output_height, output_width), mode="bilinear", align_corners=False
    )[0]
