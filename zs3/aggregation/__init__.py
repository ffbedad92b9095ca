"""Aggregation: what every region's score of every class learns from the others."""

from __future__ import annotations

from .build import Aggregation, build_aggregation, each_alone
from .cost import CostAggregation

__all__ = ["Aggregation", "CostAggregation", "build_aggregation", "each_alone"]
