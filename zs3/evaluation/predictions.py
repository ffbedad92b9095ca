"""Predictions of any system, as label PNGs named like the label maps of a dataset."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from ..data.label_table import LabelTable
from ..data.mapper import Sample
from ..nearest import did_you_mean
from ..runtime.settings import PlainLoader
from .questions import Question

_EXAMPLES = 3


def answer_table(
    question: Question,
    names: Mapping[int, str] | None = None,
    offset: int = 0,
    nothing: Iterable[int] = (),
) -> LabelTable:
    """
    What the values in prediction files mean: value -> index into the names that were asked for, or
    their number where nothing is predicted.

    Args:
        names: value -> name; left out, value k + `offset` is the k-th name that is asked for.
        nothing: values of pixels for which nothing is predicted, which is always wrong.

    Raises:
        ValueError: a name that is not asked for, or a value out of 0..65535 or with two meanings.
    """
    asked = question.asked
    if names is None:
        names = {k + offset: name for k, name in enumerate(asked.names)}
    unknown = [name for name in names.values() if name not in asked.names]
    if unknown:
        hint = did_you_mean(unknown[0], asked.names)
        raise ValueError(
            f"{len(unknown)} names of the predictions are not among the {len(asked)} that compete "
            f"here: {listed(map(repr, unknown))}.{hint} What counts as no name at all is given "
            "with --ignore."
        )
    answers = {value: asked.index(name) for value, name in names.items()}
    for value in nothing:
        if value in names:
            raise ValueError(f"value {value} is {names[value]!r} and cannot be ignored as well.")
        answers[value] = len(asked)
    for value in answers:
        if not 0 <= value <= 65535:
            raise ValueError(f"predictions hold values of 0 to 65535, so {value} has none.")
    return LabelTable(answers, len(asked))


def read_names(path: str | Path) -> dict[int, str]:
    """
    Reads value -> name from YAML or JSON: a list of names (of 0, 1, 2, ...), or a mapping of values
    to names or of names to values.

    Raises:
        FileNotFoundError, ValueError: no such file, or something else in it.
    """
    path = Path(path)
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), PlainLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is not readable YAML or JSON.") from error
    if isinstance(given, list):
        given = dict(enumerate(given))
    if isinstance(given, dict) and all(isinstance(key, str) for key in given):
        given = {value: name for name, value in given.items()}
    if not isinstance(given, dict) or not all(
        isinstance(value, int) and isinstance(name, str) for value, name in given.items()
    ):
        raise ValueError(
            f"{path} should hold names: a list of them, or a mapping such as 7: road or road: 7."
        )
    return given


def pair_up(samples: Sequence[Sample], folder: str | Path) -> list[tuple[Sample, Path]]:
    """
    The prediction of every sample: the PNG below `folder` at the place that its label map has below
    the folder of all label maps. (Drawn datasets have no such files; their images' names serve.)

    Raises:
        ValueError: no such folder, predictions that are missing, or files that belong to no label
            map; with their number and some names.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder of predictions {folder}.")
    found = {file.relative_to(folder).with_suffix("").as_posix(): file for file in _pngs(folder)}
    sources = [Path(sample.get("sem_seg_file_name") or sample["file_name"]) for sample in samples]
    root = os.path.commonpath([source.parent for source in sources])
    keys = [source.relative_to(root).with_suffix("").as_posix() for source in sources]
    missing = [f"{key}.png" for key in keys if key not in found]
    extra = [str(found[key]) for key in sorted(found.keys() - set(keys))]
    complaints = [
        f"{len(missing)} of {len(keys)} predictions are missing: {listed(missing)}"
        if missing
        else "",
        f"{len(extra)} PNG files belong to no label map of the dataset: {listed(extra)}"
        if extra
        else "",
    ]
    if missing or extra:
        raise ValueError(f"{folder}: {'; '.join(filter(None, complaints))}.")
    return [(sample, found[key]) for sample, key in zip(samples, keys, strict=True)]


def listed(words: Iterable[str]) -> str:
    """Some of them, with commas."""
    words = list(words)
    return ", ".join(words[:_EXAMPLES]) + (", ..." if len(words) > _EXAMPLES else "")


def _pngs(folder: Path) -> Collection[Path]:
    return [
        file
        for file in folder.rglob("*")
        if file.suffix.lower() == ".png" and not file.name.startswith(".")
    ]
