"""Criteria: regions, their logits and the labels -> weighted losses."""

from .build import build_criterion
from .comparison import Comparison, EveryCell
from .grid import GridCrossEntropy
from .matcher import HungarianMatcher, Matching
from .pixel import PixelCrossEntropy
from .points import SampledPoints
from .segments import Segments
from .set import SetCriterion

__all__ = [
    "Comparison",
    "EveryCell",
    "GridCrossEntropy",
    "HungarianMatcher",
    "Matching",
    "PixelCrossEntropy",
    "SampledPoints",
    "Segments",
    "SetCriterion",
    "build_criterion",
]
