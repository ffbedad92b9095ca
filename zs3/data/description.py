"""
The YAML file that describes a dataset of your own (docs/your-data.md).

    name: streets                  # of streets_train and streets_val; by default, the file's name
    root: "$STREETS"               # relative to the file; by default "."
    names: [sky, road, tree, car]  # of labels 0, 1, 2, 3; or a mapping such as {1: sky, 7: road}
    unseen: [tree]                 # names without training labels
    prompts: {sky: [sky, clouds]}  # what the text encoder reads instead of a name
    ignore: 255                    # label, or list of labels, of pixels to leave out
    train: {images: images/train, labels: labels/train}
    val: {images: images/val, labels: labels/val, list: val.txt}

Instead of train and val, `split: {images: images, labels: labels, val_percent: 20, seed: 0}`
divides one folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..nearest import did_you_mean
from ..runtime.settings import PlainLoader
from ..vocabulary import Vocabulary
from .folder import FolderDataset, Part

_KEYS = ("name", "root", "names", "unseen", "prompts", "ignore", "train", "val", "split")
_PART_KEYS = ("images", "labels", "list")
_SPLIT_KEYS = ("images", "labels", "val_percent", "seed")


def read_description(file: str | Path) -> FolderDataset:
    """
    Reads a description.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unreadable YAML, unknown or missing keys, or values that do not fit; the file is
            named.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"there is no dataset description {file} (DATASETS.FILES).")
    try:
        return _described(file, yaml.load(file.read_text(encoding="utf-8"), PlainLoader))
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{file} is not readable YAML: {error.problem}{place}.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{file}: {error}") from error


def _described(file: Path, given: object) -> FolderDataset:
    entries = _section(given, "a description", _KEYS, required=("names",))
    label_of, names = _classes(entries["names"])
    unseen = _strings("unseen", entries.get("unseen", []))
    prompts = entries.get("prompts") or {}
    if not isinstance(prompts, dict):
        raise ValueError(
            f"prompts is {prompts!r}; expected words for names, such as tv: television."
        )
    vocabulary = Vocabulary.of(
        names, unseen, {key: _words(key, word) for key, word in prompts.items()}
    )

    ignored = entries.get("ignore", 255 if 255 not in label_of else 65535)
    ignored = ignored if isinstance(ignored, list) else [ignored]
    for value in ignored:
        _expect_label("ignore", value)
        if value in label_of:
            raise ValueError(
                f"ignore is {value}, which is also the label of {names[label_of[value]]!r}; "
                "if the labels of names do not count from 0, write them out, such as 1: road."
            )
    ignore_label = 255 if len(names) <= 255 else 65535
    label_values = {**label_of, **dict.fromkeys(ignored, ignore_label)}
    name, root = _strings(
        "name and root", [entries.get("name", file.stem), entries.get("root", ".")]
    )
    parts = _parts(entries)
    return FolderDataset(file, name, root, vocabulary, prompts, label_values, ignore_label, parts)


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
    percent, seed = split["val_percent"], split.get("seed", 0)
    if not isinstance(percent, int | float) or not 0 < percent < 100:
        raise ValueError(f"val_percent is {percent!r}; expected a number between 0 and 100.")
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}; expected a whole number, 0 or more.")
    images, labels = _strings("images and labels", [split["images"], split["labels"]])
    return {
        "train": Part(images, labels, percent=(percent, 100), seed=seed),
        "val": Part(images, labels, percent=(0, percent), seed=seed),
    }


def _part(key: str, given: object) -> Part:
    part = _section(given, key, _PART_KEYS, required=("images", "labels"))
    _strings(key, list(part.values()))
    return Part(part["images"], part["labels"], part.get("list"))


def _classes(given: object) -> tuple[dict[int, int], list[str]]:
    """Label value -> class, and the names of the classes; several values may share a name."""
    if isinstance(given, list):
        return {i: i for i in range(len(given))}, _strings("names", given)
    if not isinstance(given, dict):
        raise ValueError(
            f"names is {given!r}; expected a list of names, or a mapping such as 7: road."
        )
    for value in given:
        _expect_label("names", value)
    names = list(dict.fromkeys(_strings("names", list(given.values()))))
    return {value: names.index(name) for value, name in given.items()}, names


def _section(
    given: object, what: str, known: Collection[str], required: Sequence[str]
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


def _words(name: object, given: object) -> list[str]:
    return _strings(f"prompts for {name!r}", given if isinstance(given, list) else [given])


def _expect_label(what: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
        raise ValueError(f"{what} has the label {value!r}; expected whole numbers from 0 to 65535.")
