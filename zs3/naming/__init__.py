"""Naming: regions and text to logits."""

from __future__ import annotations

from .build import build_naming
from .cosine import TextClassifier
from .cost_volume import CostVolume
from .linear import Linear
from .projection import Projection

__all__ = ["CostVolume", "Linear", "Projection", "TextClassifier", "build_naming"]
