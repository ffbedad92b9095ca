"""The grouping that a configuration names, and what every grouping is."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ..regions import Regions
from ..registry import GROUPING_REGISTRY
from ..runtime.config import CfgNode
from ..runtime.layers import ShapeSpec
from .levels import WithLevels


class Grouping(Protocol):
    """
    A module from maps to regions.

    Attributes:
        embedding_dim: width C of its regions' embeddings.
    """

    embedding_dim: int

    def __call__(self, features: dict[str, Tensor]) -> list[Regions]:
        """Backbone maps (B, C_l, h_l, w_l) by name -> supervised regions, the final ones last."""


def build_grouping(cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> Grouping:
    """MODEL.GROUPING.NAME, for a backbone whose maps look like this; with levels if asked for."""
    node = cfg.MODEL.GROUPING
    grouping = GROUPING_REGISTRY.get(node.NAME)(cfg, input_shape)
    if not node.LEVELS and not node.SUMMARY:
        return grouping
    return WithLevels(
        grouping,
        input_shape,
        levels=node.LEVELS,
        summary=node.SUMMARY,
        level_dim=node.LEVEL_DIM,
    )
