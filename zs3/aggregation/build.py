"""The step from regions and text to logits, in which scores may learn from each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from torch import Tensor

from ..regions import Regions
from ..registry import AGGREGATION_REGISTRY
from ..runtime.config import CfgNode
from ..runtime.layers import ShapeSpec

# (regions, text (K, P, D) or (B, K, P, D)) -> scores (B, N, K), (B, N, K + 1) or (B, N, K, P).
Naming = Callable[[Regions, Tensor], Tensor]


class Aggregation(Protocol):
    def __call__(
        self, features: dict[str, Tensor], regions: Sequence[Regions], text: Tensor, naming: Naming
    ) -> tuple[list[Regions], list[Tensor]]:
        """
        Args:
            features: the backbone's maps by name, (B, C, h, w).
            regions: supervised groupings, the final one last.
            text: (K, P, D), or (B, K, P, D) if every image brings its own names.
            naming: asked about all classes, or about some at a time.

        Returns:
            the regions that have logits, perhaps finer ones, and those: (B, N, K), or (B, N, K + 1)
            with void last.
        """


def each_alone(
    features: dict[str, Tensor], regions: Sequence[Regions], text: Tensor, naming: Naming
) -> tuple[list[Regions], list[Tensor]]:
    """No aggregation: every region is named without a look at the others."""
    return list(regions), [naming(group, text) for group in regions]


def build_aggregation(
    cfg: CfgNode, input_shape: Mapping[str, ShapeSpec], text_dim: int
) -> Aggregation:
    """MODEL.AGGREGATION.NAME, for a backbone with these features and text of this width."""
    name = cfg.MODEL.AGGREGATION.NAME
    return AGGREGATION_REGISTRY.get(name)(cfg, input_shape, text_dim) if name else each_alone
