"""
Masks whose colours stand for names: what CVAT exports as "Segmentation mask", and any other folder
with a labelmap.txt.

    labelmap.txt                        name:red,green,blue:parts:actions, a line each
    SegmentationClass/*.png             one mask an image, by the image's path
    ImageSets/Segmentation/*.txt        lists of images; a description names the one to take
    JPEGImages/*                        perhaps the images

Black pixels are not labelled, unless labelmap.txt has a name for black.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..archive import is_file, is_folder, read_lines
from ..reading import LABEL_EXTENSIONS, read_colours
from .codes import CodeTable
from .matching import files_by_key, pair_by_path
from .source import Pairs

LABELMAP, MASKS = "labelmap.txt", "SegmentationClass"
_BLACK = 0


@dataclass(frozen=True)
class ColourMask:
    """A mask image, and what the colours of `labelmap` stand for."""

    file: Path
    table: CodeTable
    labelmap: Path

    def read(self, image: Path) -> np.ndarray:
        labels, unknown = self.table.look_up(read_colours(self.file))
        if len(unknown):
            shown = "; ".join(_colour(code) for code in unknown[:3].tolist())
            raise ValueError(
                f"{self.file} holds {len(unknown)} colours that {self.labelmap} has no name for: "
                f"{shown}{'; ...' if len(unknown) > 3 else ''} (red,green,blue)."
            )
        return labels


class ColourMasks:
    """
    Args:
        folder: the one with labelmap.txt, or a folder of masks right inside it. It may be, or lie
            in, a zip archive.

    Raises:
        ValueError: no or two masks of one name, or a labelmap.txt that is none.
    """

    lists_names = True
    lists_images = False
    notes = ()

    def __init__(self, folder: Path) -> None:
        self.labelmap = _labelmap_of(folder)
        colours = _read_labelmap(self.labelmap)
        self.names = tuple(dict.fromkeys(colours.values()))
        labels = {code: self.names.index(name) for code, name in colours.items()}
        labels.setdefault(_BLACK, len(self.names))
        self.table = CodeTable.of(labels)
        masks = folder / MASKS if is_folder(folder / MASKS) else folder
        self.files = files_by_key(masks, LABEL_EXTENSIONS, "masks")

    @staticmethod
    def recognises(folder: Path) -> bool:
        return is_file(_labelmap_of(folder))

    def pair(self, images: Mapping[str, Path]) -> Pairs:
        return pair_by_path(
            self.files, images, lambda file: ColourMask(file, self.table, self.labelmap)
        )


def _labelmap_of(folder: Path) -> Path:
    """Where the labelmap of a folder is, or would be."""
    return next((f / LABELMAP for f in (folder, folder.parent) if is_file(f / LABELMAP)), folder)


def _read_labelmap(file: Path) -> dict[int, str]:
    """Colour, as `read_colours` codes it -> name."""
    if not is_file(file):
        raise ValueError(f"{file} has no {LABELMAP}, which gives the masks' colours their names.")
    names: dict[int, str] = {}
    for number, line in enumerate(read_lines(file), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, rest = line.partition(":")
        channels = [c.strip() for c in rest.partition(":")[0].split(",")]
        if len(channels) != 3 or not all(c.isdecimal() and int(c) < 256 for c in channels):
            raise ValueError(
                f"line {number} of {file} is {line!r}; expected name:red,green,blue::, each colour "
                "from 0 to 255."
            )
        code = sum(int(c) << 8 * i for i, c in enumerate(channels))
        if names.get(code, name.strip()) != name.strip():
            raise ValueError(
                f"{file} gives the colour {_colour(code)} to {names[code]!r} and to {name!r}; "
                "names need colours of their own."
            )
        names[code] = name.strip()
    if not names:
        raise ValueError(f"{file} names no colours; expected name:red,green,blue:: a line.")
    return names


def _colour(code: int) -> str:
    return f"{code % 256},{code // 256 % 256},{code // 65536}"
