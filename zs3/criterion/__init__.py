"""Criteria: regions, their logits and the labels -> weighted losses."""

from .build import build_criterion
from .comparison import Comparison, EveryCell
from .edges import edge_map
from .inverse_form import InverseForm
from .matcher import HungarianMatcher, Matching
from .pixel import PixelCrossEntropy
from .points import SampledPoints
from .segments import Segments
from .set import SetCriterion
from .shape_aware import ShapeAware

__all__ = [
    "Comparison",
    "EveryCell",
    "HungarianMatcher",
    "InverseForm",
    "Matching",
    "PixelCrossEntropy",
    "SampledPoints",
    "Segments",
    "SetCriterion",
    "ShapeAware",
    "build_criterion",
    "edge_map",
]
