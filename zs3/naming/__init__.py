"""Naming: regions and text to logits."""

from __future__ import annotations

from .aggregation import GaussianAggregation, NaiveSum
from .alignment import AlignmentDecoder
from .build import build_naming
from .cascade import CascadeNaming
from .cosine import TextClassifier
from .cost_volume import CostVolume
from .linear import Linear
from .projection import Projection

__all__ = [
    "AlignmentDecoder",
    "CascadeNaming",
    "CostVolume",
    "GaussianAggregation",
    "Linear",
    "NaiveSum",
    "Projection",
    "TextClassifier",
    "build_naming",
]
