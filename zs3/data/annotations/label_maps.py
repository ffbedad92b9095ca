"""Label maps: an image file each, of one integer a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..archive import files_below
from ..reading import LABEL_EXTENSIONS, read_label
from .matching import files_by_key, pair_by_path
from .source import Pairs


@dataclass(frozen=True)
class LabelMap:
    """A label image."""

    file: Path

    def read(self, image: Path) -> np.ndarray:
        return read_label(self.file)


class LabelMaps:
    """
    A folder of label maps. It has values and no names: which name a value has is said elsewhere.

    Args:
        folder: may be, or lie in, a zip archive.

    Raises:
        ValueError: no label maps there.
    """

    names = None
    lists_names = True
    lists_images = False
    notes = ()

    def __init__(self, folder: Path) -> None:
        self.files = files_by_key(folder, LABEL_EXTENSIONS, "labels")

    @staticmethod
    def recognises(folder: Path) -> bool:
        return any(file.suffix.lower() in LABEL_EXTENSIONS for file in files_below(folder))

    def pair(self, images: Mapping[str, Path]) -> Pairs:
        return pair_by_path(self.files, images, LabelMap)
