"""From regions and their logits to scores or labels at any size."""

from .base import Prepared, Readout, build_readout
from .maps import ClassMaps, ScoreMaps, best_class
from .pixels import PixelReadout
from .regions import RegionReadout

__all__ = [
    "ClassMaps",
    "PixelReadout",
    "Prepared",
    "Readout",
    "RegionReadout",
    "ScoreMaps",
    "best_class",
    "build_readout",
]
