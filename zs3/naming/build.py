"""The naming that a configuration names."""

from __future__ import annotations

from torch import nn

from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode


def build_naming(cfg: CfgNode, embedding_dim: int, text_dim: int) -> nn.Module:
    """MODEL.NAMING.NAME: (Regions, text) -> logits, for regions and text of these widths."""
    return NAMING_REGISTRY.get(cfg.MODEL.NAMING.NAME)(cfg, embedding_dim, text_dim)
