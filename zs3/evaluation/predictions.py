"""Predictions of any system, as label PNGs named like the label maps of a dataset."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from ..data.label_table import LabelTable
from ..data.mapper import Sample
from ..nearest import did_you_mean
from ..runtime.settings import PlainLoader, is_whole
from .questions import Question

_EXAMPLES = 3
_FORMS = "names: a list of them, or a mapping such as 7: road or road: 7"


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
    to names or of names to values. Values are numbers, or text that spells them, as JSON's keys do.

    Raises:
        FileNotFoundError, ValueError: no such file, something else in it, no name, two names of one
            value, or numbers on both sides so that either could be the names.
    """
    path = Path(path)
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), PlainLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split()) if isinstance(error, yaml.YAMLError) else "no UTF-8 text"
        raise ValueError(f"{path} is not readable YAML or JSON: {why}.") from error
    if isinstance(given, list):
        given = dict(enumerate(given))
    pairs = list(given.items()) if isinstance(given, dict) else []
    if not pairs:
        raise ValueError(f"{path} holds no names; expected {_FORMS}.")
    # Each with its names second, if it can be read so.
    readings = [
        [(int(value), name) for value, name in way]
        for way in (pairs, [(second, first) for first, second in pairs])
        if all(_is_value(value) and isinstance(name, str) for value, name in way)
    ]
    if not readings:
        raise ValueError(f"{path} holds something else than {_FORMS}.")
    if len(readings) > 1:
        raise ValueError(
            f"{path} has numbers on both sides, such as {pairs[0]!r}; write values without quotes, "
            "and names with them."
        )
    names: dict[int, str] = {}
    for value, name in readings[0]:
        if value in names:
            raise ValueError(f"{path}: value {value} is both {names[value]!r} and {name!r}.")
        names[value] = name
    return names


def _is_value(given: object) -> bool:
    if isinstance(given, str):
        return re.fullmatch(r"-?\d+", given) is not None
    return is_whole(given)


def pair_up(
    samples: Sequence[Sample],
    folder: str | Path,
    others: Callable[[], Collection[str]] = frozenset,
) -> list[tuple[Sample, Path]]:
    """
    The prediction of every sample: the PNG below `folder` that is called as its image, where
    samples say how (their "image_id"), as `zs3 segment` does; or, if no file is called so, that at
    the place that its label map has below the folder of all label maps. (Drawn datasets have no
    such files; their images' names serve.)

    Args:
        others: what images are called that belong to no sample; PNGs of theirs are left alone. It
            is asked where there are PNGs too many.

    Raises:
        ValueError: no such folder, predictions that are missing, or files that belong to no label
            map; with their number and some names.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder of predictions {folder}.")
    found = {file.relative_to(folder).with_suffix("").as_posix(): file for file in _pngs(folder)}
    ways = list(filter(None, (_by_image(samples), _by_label_map(samples))))
    keys = next((way for way in ways if not found.keys().isdisjoint(way)), ways[0])
    missing = [f"{key}.png" for key in keys if key not in found]
    unused = found.keys() - set(keys)
    extra = sorted(str(found[key]) for key in unused - set(others() if unused else ()))
    complaints = [
        f"{len(missing)} of {len(keys)} predictions are missing: {listed(missing)}"
        if missing
        else "",
        f"{len(extra)} PNG files belong to no image of the dataset: {listed(extra)}; keep them "
        "elsewhere"
        if extra
        else "",
    ]
    if missing or extra:
        raise ValueError(f"{folder}: {'; '.join(filter(None, complaints))}.")
    return [(sample, found[key]) for sample, key in zip(samples, keys, strict=True)]


def _by_image(samples: Sequence[Sample]) -> list[str]:
    """Paths without extension; none unless all samples have one (drawn ones have numbers)."""
    names = [sample.get("image_id") for sample in samples]
    paths = [name for name in names if isinstance(name, str)]
    return paths if len(paths) == len(names) else []


def _by_label_map(samples: Sequence[Sample]) -> list[str]:
    sources = [Path(sample.get("sem_seg_file_name") or sample["file_name"]) for sample in samples]
    root = os.path.commonpath([source.parent for source in sources])
    return [source.relative_to(root).with_suffix("").as_posix() for source in sources]


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
