"""Naming: regions and text to logits."""

from __future__ import annotations

from .build import build_naming
from .cosine import TextClassifier
from .critic import Critic
from .linear import Linear
from .projection import Projection

__all__ = ["Critic", "Linear", "Projection", "TextClassifier", "build_naming"]
