"""What all tables of named rows have in common (tables.py opens them)."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np


class Table:
    """
    Attributes:
        source: the string it was opened with.
        files: what it is read from.
        shape: of one row, (D,) or (P, D).
    """

    source: str
    files: tuple[Path, ...]
    shape: tuple[int, ...]

    def find(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The rows of those names that are in the table, exactly so spelled."""
        raise NotImplementedError

    def names(self) -> Iterator[str]:
        """All names, in order."""
        raise NotImplementedError

    def nearest(self, name: str) -> list[str]:
        """Up to three names like it. Large tables are only searched under its first letter."""
        alike = (other for other in self.names() if other[:1].lower() == name[:1].lower())
        return difflib.get_close_matches(name, list(alike), n=3)

    def digest(self) -> bytes:
        """Hash of the source string and the files' contents."""
        total = hashlib.sha256(self.source.rpartition("/")[2].encode())
        for path in self.files:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    total.update(block)
        return total.digest()
