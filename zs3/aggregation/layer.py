"""One round of cost aggregation: cells look at each other, then classes."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..runtime.config import CfgNode, configurable
from .classes import ClassAggregation
from .spatial import SpatialAggregation


class AggregationLayer(nn.Module):
    """Holds the two; who calls it decides how many classes each of them sees at a time."""

    @configurable
    def __init__(self, *, spatial: SpatialAggregation, classes: ClassAggregation) -> None:
        super().__init__()
        self.spatial = spatial
        self.classes = classes

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        options = cfg.MODEL.AGGREGATION
        return {
            "spatial": SpatialAggregation(
                options.DIM,
                options.APPEARANCE_DIM if options.APPEARANCE else 0,
                options.HEADS,
                window=options.WINDOW,
                shrink=options.SHRINK_WINDOWS,
            ),
            "classes": ClassAggregation(
                options.DIM,
                options.TEXT_DIM,
                options.HEADS,
                attention=options.CLASS_ATTENTION,
                pool=tuple(options.POOLING),
                pad_to=options.PAD_TO,
                mlp_identity=options.MLP_IDENTITY,
            ),
        }
