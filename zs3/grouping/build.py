"""The grouping that a configuration names, and what every grouping is."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ..regions import Regions
from ..registry import GROUPING_REGISTRY
from ..runtime.config import CfgNode
from ..runtime.layers import ShapeSpec


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
    """MODEL.GROUPING.NAME, for a backbone whose maps look like this."""
    return GROUPING_REGISTRY.get(cfg.MODEL.GROUPING.NAME)(cfg, input_shape)
