"""Criteria: regions, their logits and the labels -> weighted losses."""

from .binary import PixelBinaryCrossEntropy
from .build import build_criterion
from .class_masks import ClassMasks
from .comparison import Comparison, EveryCell
from .contextual import ContextualCriterion
from .edges import edge_map
from .grid import GridCrossEntropy
from .inverse_form import InverseForm
from .matcher import HungarianMatcher, Matching
from .pixel import PixelCrossEntropy
from .points import SampledPoints
from .resized import MatchingCriterion, ResizedCrossEntropy
from .segments import Segments
from .set import SetCriterion
from .shape_aware import ShapeAware

__all__ = [
    "ClassMasks",
    "Comparison",
    "ContextualCriterion",
    "EveryCell",
    "GridCrossEntropy",
    "HungarianMatcher",
    "InverseForm",
    "Matching",
    "MatchingCriterion",
    "PixelBinaryCrossEntropy",
    "PixelCrossEntropy",
    "ResizedCrossEntropy",
    "SampledPoints",
    "Segments",
    "SetCriterion",
    "ShapeAware",
    "build_criterion",
    "edge_map",
]
