"""
What publishers and papers fix, as data files: class lists, splits, and lists of images.

    classes/NAME.tsv         a class a line, in label order: the publisher's value, the name, and
                             perhaps a colour; the value "*" is all that no other line has
    splits/NAME_SPLIT.txt    the unseen names of a split of class list NAME
    lists/NAME.txt.xz        an image a line, and in lists of episodes the labels to look for
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_ALL_OTHERS = "*"


@dataclass(frozen=True)
class ClassList:
    """
    Attributes:
        names: of the classes, in label order.
        values: what the publisher's label maps hold for each class, or "*".
        palette: (r, g, b) of each class, or None where the publisher has no colours.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...] | None

    @property
    def ignore_label(self) -> int:
        """Of the label maps zs3 writes: 255, or 65535 where 255 is a class."""
        return 255 if len(self.names) <= 255 else 65535

    def labels(self, domain: Iterable[int]) -> dict[int, int]:
        """
        Args:
            domain: all values that the publisher's label maps may hold.

        Returns:
            dict: value -> label, or -> `ignore_label`.
        """
        others = self.ignore_label
        if _ALL_OTHERS in self.values:
            others = self.values.index(_ALL_OTHERS)
        label_of = {int(v): k for k, v in enumerate(self.values) if v != _ALL_OTHERS}
        return {value: label_of.get(value, others) for value in domain}


@cache
def class_list(name: str) -> ClassList:
    """zs3/data/classes/NAME.tsv"""
    lines = (FOLDER / "classes" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    values, names, *colours = zip(*(line.split("\t") for line in lines), strict=True)
    palette = tuple(_rgb(colour) for colour in colours[0]) if colours else None
    return ClassList(names, values, palette)


@cache
def unseen_names(classes: str, split: str) -> tuple[str, ...]:
    """zs3/data/splits/CLASSES_SPLIT.txt, in the order of the paper."""
    file = FOLDER / "splits" / f"{classes}_{split}.txt"
    return tuple(file.read_text(encoding="utf-8").splitlines())


@cache
def image_list(name: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """zs3/data/lists/NAME.txt.xz: (image, labels to look for in it) a line."""
    text = lzma.decompress((FOLDER / "lists" / f"{name}.txt.xz").read_bytes()).decode()
    lines = (line.split() for line in text.splitlines())
    return tuple((image, tuple(map(int, labels))) for image, *labels in lines)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
