"""Criteria: regions, their logits and the labels -> weighted losses."""

from .build import build_criterion
from .matcher import HungarianMatcher, Matching
from .pixel import PixelCrossEntropy
from .segments import Segments
from .set import SetCriterion

__all__ = [
    "HungarianMatcher",
    "Matching",
    "PixelCrossEntropy",
    "Segments",
    "SetCriterion",
    "build_criterion",
]
