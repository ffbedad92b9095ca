"""
Named rows on disk: what word vectors and precomputed embeddings are read from.

A table is written in a configuration as one string:

    FILE.npz#ARRAY,NAMES       "voc.npz#fasttext", "zs3.npz#voc,voc_names": arrays of one file.
                               NAMES is "names" or "class_names" if left out, ARRAY the only
                               other one.
    FILE.npy:NAMES.json#KEY    "coco_multi.npy:classes.json#coco_stuff171": an array beside a JSON
                               list; KEY leads into nested objects, with dots between.
    FILE.npy:LIST              "coco_multi.npy:coco171": an array in the order of a class list in
                               zs3/data/classes.
    FILE                       text, "word x1 x2 ... xD" a line, perhaps after a line "count D":
                               word2vec, GloVe, fastText. What ends in .gz is unpacked.
    FILE.bin                   word2vec's binary form, perhaps as .bin.gz.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ..data.published import FOLDER, class_list
from ..nearest import did_you_mean
from .streamed_tables import BinaryTable, TextTable
from .table import Table


def open_table(source: str) -> Table:
    """
    Opens a table by its string (see the head of this file).

    Raises:
        ValueError: a missing file, array or list; names that do not fit the rows; no numbers.
    """
    array = re.fullmatch(r"(?P<path>.+?\.npz)(?:#(?P<array>[^,]+)(?:,(?P<names>.+))?)?", source)
    if array:
        return _from_npz(source, _existing(array["path"]), array["array"], array["names"])
    listed = re.fullmatch(r"(?P<path>.+?\.npy):(?P<list>\w+)", source)
    if listed:
        path = _existing(listed["path"])
        rows = np.load(path, allow_pickle=False)
        return ArrayTable(source, (path,), rows, _published_names(listed["list"]))
    matrix = re.fullmatch(r"(?P<path>.+?\.npy)(?::(?P<names>.+?\.json)(?:#(?P<key>.+))?)?", source)
    if matrix and matrix["names"] is None:
        raise ValueError(
            f'{source} has no names; write "{source}:NAMES.json", "{source}:NAMES.json#KEY" or '
            f'"{source}:LIST", LIST being one of zs3/data/classes.'
        )
    if matrix:
        files = (_existing(matrix["path"]), _existing(matrix["names"]))
        names = _list_in(files[1], matrix["key"])
        return ArrayTable(source, files, np.load(files[0], allow_pickle=False), names)
    kind = BinaryTable if source.removesuffix(".gz").endswith(".bin") else TextTable
    return kind(source, _existing(source))


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


def _published_names(name: str) -> tuple[str, ...]:
    known = sorted(path.stem for path in (FOLDER / "classes").glob("*.tsv"))
    if name not in known:
        raise ValueError(
            f"there is no class list {name!r}; there are {', '.join(known)}."
            + did_you_mean(name, known)
        )
    return class_list(name).names


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
