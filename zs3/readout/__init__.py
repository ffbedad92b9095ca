"""From regions and their logits to scores or labels at any size."""

from .base import ClassMaps, Prepared, Readout, best_class, build_readout
from .pixels import PixelReadout
from .regions import RegionReadout

__all__ = [
    "ClassMaps",
    "PixelReadout",
    "Prepared",
    "Readout",
    "RegionReadout",
    "best_class",
    "build_readout",
]
