"""How many pixels and images show each class, as a table and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ..counting import counted
from ..files import write_atomically

_MOST_ROWS = 12  # of a printed table; the file has all


class ClassHistogram:
    """
    Attributes:
        pixels, images: (K,) int64, how many show each class.
        total: images counted.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.pixels = np.zeros(len(names), np.int64)
        self.images = np.zeros(len(names), np.int64)
        self.total = 0

    def add(self, pixels: np.ndarray) -> None:
        """Counts an image that shows `pixels` (K,) of each class."""
        self.pixels += pixels
        self.images += pixels > 0
        self.total += 1

    def write(self, path: Path) -> None:
        """All classes in label order, as CSV."""
        file = io.StringIO()
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("label", "name", "pixels", "images"))
        rows.writerows(
            zip(range(len(self.names)), self.names, self.pixels, self.images, strict=True)
        )
        write_atomically(path, file.getvalue().encode(), wait=False)

    def show(self, title: str) -> None:
        """Prints the classes by their pixels; of many, the first and the last."""
        order = np.argsort(-self.pixels, kind="stable")
        if len(order) > _MOST_ROWS:
            order = np.concatenate([order[: _MOST_ROWS // 2], order[-_MOST_ROWS // 2 :]])
        absent = int((self.images == 0).sum())
        table = Table(
            title=f"{title}: {counted(self.total, 'label map')}",
            caption=f"{len(self.names)} classes, {absent} of them on no pixel",
        )
        for heading in ("name", "% of labelled pixels", "images"):
            table.add_column(heading, justify="left" if heading == "name" else "right")
        for row, k in enumerate(order):
            share = 100 * self.pixels[k] / max(self.pixels.sum(), 1)
            is_cut = len(order) < len(self.names) and row == _MOST_ROWS // 2 - 1
            table.add_row(self.names[k], f"{share:.3f}", str(self.images[k]), end_section=is_cut)
        Console().print(table)
