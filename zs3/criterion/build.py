"""The criterion that a configuration names."""

from __future__ import annotations

from torch import nn

from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode


def build_criterion(cfg: CfgNode) -> nn.Module:
    """MODEL.CRITERION.NAME: (regions, logits, targets) -> dict of weighted losses."""
    return CRITERION_REGISTRY.get(cfg.MODEL.CRITERION.NAME)(cfg)
