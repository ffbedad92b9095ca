"""From regions and their logits to scores or labels at any size."""

from .base import Prepared, Readout, build_readout
from .maps import ClassMaps, ScoreMaps
from .pixels import PixelReadout
from .regions import RegionReadout

__all__ = [
    "ClassMaps",
    "PixelReadout",
    "Prepared",
    "Readout",
    "RegionReadout",
    "ScoreMaps",
    "build_readout",
]
