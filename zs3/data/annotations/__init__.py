"""The formats of labels, a file each, behind one protocol (source.py)."""

from .matching import files_by_key, key_of
from .opening import FORMATS, open_labels
from .source import ImageLabels, LabelSource, Pairs

__all__ = [
    "FORMATS",
    "ImageLabels",
    "LabelSource",
    "Pairs",
    "files_by_key",
    "key_of",
    "open_labels",
]
