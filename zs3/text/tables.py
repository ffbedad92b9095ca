"""
Named rows on disk: what word vectors and precomputed embeddings are read from.

A table is written in a configuration as one string:

    FILE.npz#ARRAY,NAMES       "voc.npz#fasttext", "zs3.npz#voc,voc_names": arrays of one file.
                               NAMES is "names" or "class_names" if left out, ARRAY the only
                               other one.
    FILE.npy:NAMES.json#KEY    "coco_multi.npy:classes.json#coco_stuff171": an array beside a JSON
                               list; KEY leads into nested objects, with dots between.
    FILE                       text, "word x1 x2 ... xD" a line, perhaps after a line "count D":
                               word2vec, GloVe, fastText. What ends in .gz is unpacked.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

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


def open_table(source: str) -> Table:
    """
    Opens a table by its string (see the head of this file).

    Raises:
        ValueError: a missing file, array or list; names that do not fit the rows; no numbers.
    """
    array = re.fullmatch(r"(?P<path>.+?\.npz)(?:#(?P<array>[^,]+)(?:,(?P<names>.+))?)?", source)
    if array:
        return _from_npz(source, _existing(array["path"]), array["array"], array["names"])
    matrix = re.fullmatch(r"(?P<path>.+?\.npy)(?::(?P<names>.+?\.json)(?:#(?P<key>.+))?)?", source)
    if matrix and matrix["names"] is None:
        raise ValueError(
            f'{source} has no names; write "{source}:NAMES.json" or "{source}:NAMES.json#KEY".'
        )
    if matrix:
        files = (_existing(matrix["path"]), _existing(matrix["names"]))
        names = _list_in(files[1], matrix["key"])
        return ArrayTable(source, files, np.load(files[0], allow_pickle=False), names)
    return TextTable(source, _existing(source))


class ArrayTable(Table):
    """Rows of an array (K, D) or (K, P, D)."""

    def __init__(
        self, source: str, files: tuple[Path, ...], rows: np.ndarray, names: Iterable[str]
    ) -> None:
        names = [str(name) for name in names]
        if rows.ndim not in (2, 3) or rows.dtype.kind != "f":
            raise ValueError(
                f"{source} holds {rows.dtype} {rows.shape}; expected floats (K, D) or (K, P, D)."
            )
        if len(names) != len(rows):
            raise ValueError(f"{source} has {len(rows)} rows, but {len(names)} names.")
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise ValueError(f"{source} has several rows for {repeated[:3]}; names must be unique.")
        if not np.isfinite(rows).all():
            raise ValueError(f"{source} has numbers that are not finite.")
        self.source, self.files, self.shape = source, files, rows.shape[1:]
        self._rows = dict(zip(names, rows, strict=True))

    def find(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        return {name: self._rows[name] for name in names if name in self._rows}

    def names(self) -> Iterator[str]:
        return iter(self._rows)


class TextTable(Table):
    """Lines of a text file that may not fit in memory: passes over it keep only rows asked for."""

    def __init__(self, source: str, path: Path) -> None:
        self.source, self.files = source, (path,)
        with self._open() as file:
            first = file.readline().split()
            self._header = len(first) == 2 and all(field.isdigit() for field in first)
            self.shape = (int(first[1]) if self._header else max(len(first) - 1, 1),)
        self._rows: dict[str, np.ndarray] = {}
        self._asked: set[str] = set()
        # Whatever else the file may be, it is refused now and not after the first epoch.
        self._parsed(next(self._lines(), "").partition(" ")[2], 1 + self._header)

    def find(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        names = set(names)
        new = names - self._asked
        if new:
            for number, line in enumerate(self._lines(), 1 + self._header):
                word, _, numbers = line.partition(" ")
                if word in new:
                    self._rows.setdefault(word, self._parsed(numbers, number))
            self._asked |= new
        return {name: self._rows[name] for name in names if name in self._rows}

    def names(self) -> Iterator[str]:
        return (line.partition(" ")[0] for line in self._lines())

    def _parsed(self, numbers: str, line: int) -> np.ndarray:
        fields = numbers.split()
        try:
            row = np.array(fields, np.float32)
        except ValueError:
            row = np.empty(0, np.float32)
        if row.shape != self.shape:
            raise ValueError(
                f"line {line} of {self.source} is not a word and {self.shape[0]} numbers, as word "
                "vectors in text format are."
            )
        return row

    def _lines(self) -> Iterator[str]:
        with self._open() as file:
            if self._header:
                file.readline()
            yield from file

    def _open(self) -> IO[str]:
        path = self.files[0]
        opener = gzip.open if path.suffix == ".gz" else open
        return opener(path, "rt", encoding="utf-8", errors="replace", newline="\n")


def _from_npz(source: str, path: Path, array: str | None, names: str | None) -> Table:
    with np.load(path, allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    names = names or next((key for key in ("names", "class_names") if key in held), "names")
    others = [key for key in held if key != names]
    array = array or (others[0] if len(others) == 1 else None)
    if array not in held or names not in held:
        raise ValueError(
            f"{source} does not say which arrays to take: there are {sorted(held)}; write "
            f'"{path}#ARRAY,NAMES".'
        )
    return ArrayTable(source, (path,), held[array], held[names])


def _list_in(path: Path, key: str | None) -> list[str]:
    found = json.loads(path.read_text(encoding="utf-8"))
    for part in key.split(".") if key else ():
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"{path} has no list of names{f' at {key!r}' if key else ''}.")
    return found


def _existing(path: str) -> Path:
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}; MODEL.TEXT.FILES names tables of embeddings.")
    return Path(path)
