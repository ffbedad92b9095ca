"""
The YAML file that describes a dataset of your own (docs/your-data.md).

    name: streets                  # of streets_train and streets_val; by default, the file's name
    root: "$STREETS"               # relative to the file; by default "."
    names: [sky, road, tree, car]  # of labels 0, 1, 2, 3; or a mapping such as {1: sky, 7: road};
                                   # or names in label files: the ones to take, or {lorry: truck}
    unseen: [tree]                 # names without training labels; or {choose: 1, seed: 0}
    prompts: {sky: [sky, clouds]}  # what the text encoder reads instead of a name
    ignore: 255                    # label(s), or name(s) in label files, of pixels to leave out
    unlabelled: sky                # what pixels are that a label file says nothing about
    train: {images: images/train, labels: labels/train}
    val: {images: images/val, labels: val.json, format: coco, list: val.txt}

Instead of train and val, `split: {images: images, labels: labels, val_percent: 20, seed: 0}`
divides one folder. `labels` is anything that `open_labels` takes (zs3/data/annotations).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from ..nearest import did_you_mean
from ..runtime.settings import PlainLoader, is_whole
from ..vocabulary import Vocabulary
from .class_table import ClassTable
from .folder import FolderDataset, Part, filled_root, names_in_files

_PART_KEYS = ("images", "labels", "format", "list")
_SPLIT_KEYS = ("images", "labels", "format", "val_percent", "seed")
_KEYS = (
    "name",
    "root",
    "names",
    "unseen",
    "prompts",
    "ignore",
    "unlabelled",
    "train",
    "val",
    "split",
)


def read_description(file: str | Path) -> FolderDataset:
    """
    Reads a description.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unreadable YAML, unknown or missing keys, or values that do not fit; the file is
            named.
    """
    file = Path(file)
    given = read_yaml(file)
    try:
        return _described(file, given)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def read_yaml(file: str | Path) -> object:
    """
    What a file of DATASETS.FILES holds.

    Raises:
        FileNotFoundError, ValueError: no such file, or no readable YAML.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"there is no dataset description {file} (DATASETS.FILES).")
    try:
        return yaml.load(file.read_text(encoding="utf-8"), PlainLoader)
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{file} is not readable YAML: {error.problem}{place}.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{file}: {error}") from error


def _described(file: Path, given: object) -> FolderDataset:
    entries = _section(given, "a description", _KEYS)
    name, root = _strings(
        "name and root", [entries.get("name", file.stem), entries.get("root", ".")]
    )
    if Path(name).name != name:
        raise ValueError(f"name is {name!r}; expected one that can name a folder, without slashes.")
    parts = _parts(entries)
    unlabelled = entries.get("unlabelled")
    classes = ClassTable.of(
        _names(entries["names"]) if "names" in entries else None,
        _list(entries["ignore"]) if "ignore" in entries else None,
        None if unlabelled is None else _strings("unlabelled", [unlabelled])[0],
        lambda: names_in_files(filled_root(root, file), parts),
    )
    prompts = entries.get("prompts") or {}
    if not isinstance(prompts, dict):
        raise ValueError(
            f"prompts is {prompts!r}; expected words for names, such as tv: television."
        )
    vocabulary = Vocabulary.of(
        classes.names,
        _unseen(entries.get("unseen", []), classes.names),
        {key: _strings(f"prompts for {key!r}", _list(words)) for key, words in prompts.items()},
    )
    if "train" in parts and not vocabulary.seen:
        raise ValueError(
            "unseen holds all of the names, so there is nothing to train on; leave some seen, or "
            "give val alone."
        )
    return FolderDataset(file, name, root, vocabulary, prompts, classes, parts)


def _parts(entries: Mapping[str, Any]) -> dict[str, Part]:
    given = [key for key in ("train", "val", "split") if key in entries]
    if not given or ("split" in given and len(given) > 1):
        raise ValueError(
            f"it has {' and '.join(given) or 'neither train nor val'}; "
            "expected train, val or both, or split alone."
        )
    if "split" not in given:
        return {key: _part(key, entries[key]) for key in given}
    split = _section(
        entries["split"], "split", _SPLIT_KEYS, required=("images", "labels", "val_percent")
    )
    percent, seed = split["val_percent"], _seed(split)
    if not (is_whole(percent) or isinstance(percent, float)) or not 0 < percent < 100:
        raise ValueError(f"val_percent is {percent!r}; expected a number between 0 and 100.")
    whole = _part("split", {key: split[key] for key in split if key in _PART_KEYS})
    return {
        "train": replace(whole, percent=(percent, 100), seed=seed),
        "val": replace(whole, percent=(0, percent), seed=seed),
    }


def _part(key: str, given: object) -> Part:
    part = _section(given, key, _PART_KEYS, required=("images", "labels"))
    _strings(key, list(part.values()))
    return Part(part["images"], part["labels"], part.get("format"), part.get("list"))


def _names(given: object) -> list[str] | dict[Any, str]:
    """Of the labels 0, 1, ..., or by label or name in a file; several may share a name."""
    if isinstance(given, list):
        return _strings("names", given)
    if not isinstance(given, dict):
        raise ValueError(
            f"names is {given!r}; expected a list of names, or a mapping such as 7: road."
        )
    _strings("names", list(given.values()))
    kinds = {isinstance(key, str) for key in given}
    if len(kinds) > 1:
        raise ValueError(f"names maps numbers and words, {list(given)}; expected one of both.")
    return given


def _unseen(given: object, names: Sequence[str]) -> list[str]:
    """The names given; or those of `{choose: N, seed: S}`, by the rule of `chosen_unseen`."""
    if not isinstance(given, dict):
        return _strings("unseen", given)
    chosen = _section(given, "unseen", ("choose", "seed"), required=("choose",))
    count, seed = chosen["choose"], _seed(chosen)
    if not is_whole(count) or not 0 < count < len(names):
        raise ValueError(
            f"unseen chooses {count!r}; expected a whole number from 1 to {len(names) - 1}, so "
            "that something remains to be seen."
        )
    return chosen_unseen(names, count, seed)


def chosen_unseen(names: Sequence[str], count: int, seed: int) -> list[str]:
    """
    The names whose SHA-256 of "SEED NAME" comes first: the same ones everywhere, in whatever order
    the names are, and mostly the same ones when names are added.
    """
    return sorted(names, key=lambda name: sha256(f"{seed} {name}".encode()).digest())[:count]


def _seed(section: Mapping[str, Any]) -> int:
    seed = section.get("seed", 0)
    if not is_whole(seed) or seed < 0:
        raise ValueError(f"seed is {seed!r}; expected a whole number, 0 or more.")
    return seed


def _section(
    given: object, what: str, known: Collection[str], required: Sequence[str] = ()
) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{what} is {given!r}; expected keys and values ({', '.join(known)}).")
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known) or f" Known are {', '.join(known)}."
            raise ValueError(f"{what} has an unknown key {key!r}.{hint}")
    missing = [key for key in required if key not in given]
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}.")
    return given


def _strings(what: str, given: object) -> list[str]:
    if not isinstance(given, list):
        raise ValueError(f"{what} is {given!r}; expected a list.")
    for value in given:
        if not isinstance(value, str):
            raise ValueError(
                f"{what} holds {value!r}, which is no text; if it is meant as such, quote it."
            )
    return given


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else [given]
