"""`detectron2.modeling`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from .choice import RUNTIME
from .config import CfgNode, resolve_device

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.modeling import BACKBONE_REGISTRY, META_ARCH_REGISTRY, sem_seg_postprocess
    from .embedded.modeling import build_model as _build_model
else:
    from detectron2.modeling import BACKBONE_REGISTRY, META_ARCH_REGISTRY
    from detectron2.modeling import build_model as _build_model
    from detectron2.modeling.postprocessing import sem_seg_postprocess

__all__ = ["BACKBONE_REGISTRY", "META_ARCH_REGISTRY", "build_model", "sem_seg_postprocess"]


def build_model(cfg: CfgNode) -> nn.Module:
    """MODEL.META_ARCHITECTURE, made from `cfg`, on MODEL.DEVICE (or "auto"). Loads no weights."""
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL.DEVICE = resolve_device(cfg.MODEL.DEVICE)
    return _build_model(cfg)
