"""Criteria: regions, their logits and the labels -> weighted losses."""

from .binary import PixelBinaryCrossEntropy
from .build import build_criterion
from .class_masks import ClassMasks
from .comparison import Comparison, EveryCell
from .matcher import HungarianMatcher, Matching
from .pixel import PixelCrossEntropy
from .points import SampledPoints
from .segments import Segments
from .set import SetCriterion

__all__ = [
    "ClassMasks",
    "Comparison",
    "EveryCell",
    "HungarianMatcher",
    "Matching",
    "PixelBinaryCrossEntropy",
    "PixelCrossEntropy",
    "SampledPoints",
    "Segments",
    "SetCriterion",
    "build_criterion",
]
