"""Criteria: regions, their logits and the labels -> weighted losses."""

from .binary import PixelBinaryCrossEntropy
from .build import build_criterion
from .class_masks import ClassMasks
from .comparison import Comparison, EveryCell
from .contextual import ContextualCriterion
from .grid import GridCrossEntropy
from .matcher import HungarianMatcher, Matching
from .pixel import PixelCrossEntropy
from .points import SampledPoints
from .resized import MatchingCriterion, ResizedCrossEntropy
from .segments import Segments
from .set import SetCriterion

__all__ = [
    "ClassMasks",
    "Comparison",
    "ContextualCriterion",
    "EveryCell",
    "GridCrossEntropy",
    "HungarianMatcher",
    "Matching",
    "MatchingCriterion",
    "PixelBinaryCrossEntropy",
    "PixelCrossEntropy",
    "ResizedCrossEntropy",
    "SampledPoints",
    "Segments",
    "SetCriterion",
    "build_criterion",
]
