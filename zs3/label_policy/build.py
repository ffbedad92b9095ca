"""The label policy that a configuration asks for."""

from __future__ import annotations

from ..registry import LABEL_POLICY_REGISTRY
from ..runtime.config import CfgNode
from .inductive import Inductive


def build_label_policy(cfg: CfgNode) -> Inductive:
    """MODEL.LABEL_POLICY.NAME."""
    return LABEL_POLICY_REGISTRY.get(cfg.MODEL.LABEL_POLICY.NAME)(cfg)
