"""Word vectors in files that may not fit in memory: passes over them keep only rows asked for."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import IO, BinaryIO, Generic, TypeVar, cast

import numpy as np

from .table import Table

Raw = TypeVar("Raw", str, bytes)  # a row that has not been looked into


class StreamedTable(Table, Generic[Raw]):
    """What passes over a file have in common; a word that occurs twice has its first row."""

    def __init__(self, source: str, path: Path) -> None:
        self.source, self.files = source, (path,)
        self._rows: dict[str, np.ndarray] = {}
        self._asked: set[str] = set()

    def find(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        names = set(names)
        new = names - self._asked
        if new:
            for number, (word, raw) in enumerate(self._entries(), 1):
                if word in new:
                    self._rows.setdefault(word, self._parsed(raw, number))
            self._asked |= new
        return {name: self._rows[name] for name in names if name in self._rows}

    def names(self) -> Iterator[str]:
        return (word for word, _ in self._entries())

    def _entries(self) -> Iterator[tuple[str, Raw]]:
        raise NotImplementedError

    def _parsed(self, raw: Raw, number: int) -> np.ndarray:
        """`number` is that of the entry, from 1."""
        raise NotImplementedError

    def _open(self) -> BinaryIO:
        path = self.files[0]
        return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


class TextTable(StreamedTable[str]):
    """A line for each word: "word x1 x2 ... xD", perhaps after a line "count D"."""

    def __init__(self, source: str, path: Path) -> None:
        super().__init__(source, path)
        with self._lines() as file:
            first = file.readline().split()
        self._header = len(first) == 2 and all(field.isdigit() for field in first)
        self.shape = (int(first[1]) if self._header else max(len(first) - 1, 1),)
        # Whatever else the file may be, it is refused now and not after the first epoch.
        self._parsed(next(self._entries(), ("", ""))[1], 1)

    def _entries(self) -> Iterator[tuple[str, str]]:
        with self._lines() as file:
            if self._header:
                file.readline()
            for line in file:
                word, _, numbers = line.partition(" ")
                yield word, numbers

    def _parsed(self, raw: str, number: int) -> np.ndarray:
        try:
            row = np.array(raw.split(), np.float32)
        except ValueError:
            row = np.empty(0, np.float32)
        if row.shape != self.shape:
            raise ValueError(
                f"line {number + self._header} of {self.source} is not a word and {self.shape[0]} "
                "numbers, as word vectors in text format are."
            )
        return row

    def _lines(self) -> IO[str]:
        return TextIOWrapper(self._open(), encoding="utf-8", errors="replace", newline="\n")


class BinaryTable(StreamedTable[bytes]):
    """word2vec's binary form: a line "count D", then each word, a space, and D float32 numbers."""

    def __init__(self, source: str, path: Path) -> None:
        super().__init__(source, path)
        with self._open() as file:
            fields = file.readline(64).split()
        if len(fields) != 2 or not all(field.isdigit() for field in fields):
            raise ValueError(
                f"{source} does not begin with a line of two numbers, as word2vec's binary files "
                "do."
            )
        self._count, dim = map(int, fields)
        self.shape = (dim,)

    def _entries(self) -> Iterator[tuple[str, bytes]]:
        size = 4 * self.shape[0]
        with self._open() as file:
            file.readline()
            for number in range(self._count):
                word = b""
                while (byte := file.read(1)) not in (b" ", b""):
                    word += byte
                raw = file.read(size)
                if len(raw) != size:
                    raise ValueError(
                        f"{self.source} ends after {number} of {self._count} words; it is cut off."
                    )
                yield word.lstrip(b"\n").decode("utf-8", "replace"), raw

    def _parsed(self, raw: bytes, number: int) -> np.ndarray:
        return np.frombuffer(raw, "<f4")
