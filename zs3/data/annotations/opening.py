"""Which format labels are in, and the source that reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol  # Any: JSON

from ...nearest import did_you_mean
from ..archive import files_below, is_file, is_folder, modified, open_file
from .coco import CocoInstances
from .coco_panoptic import CocoPanoptic
from .colour_masks import ColourMasks
from .label_maps import LabelMaps
from .label_studio import LabelStudio
from .source import LabelSource


class _Kind(Protocol):
    """A class of sources for JSON files."""

    def __call__(self, file: Path, document: Any) -> LabelSource: ...

    def recognises(self, document: object) -> bool: ...


# Files are tried in this order: a panoptic file has all that one of instances has, and more.
FOLDERS: dict[str, Callable[[Path], LabelSource]] = {
    "colour_masks": ColourMasks,
    "label_maps": LabelMaps,
}
FILES: dict[str, _Kind] = {
    "coco_panoptic": CocoPanoptic,
    "coco": CocoInstances,
    "label_studio": LabelStudio,
}
FORMATS = (*FOLDERS, *FILES)


def open_labels(path: Path, format: str | None = None) -> LabelSource:
    """
    Opens labels. A JSON file is parsed once, as long as it does not change.

    Args:
        path: a folder or zip archive of label images; a JSON file; or a folder or archive with one
            JSON file of a known format somewhere inside.
        format: one of FORMATS; None recognises it by what is there.

    Raises:
        ValueError: nothing there, an unknown format, or content that is not of the format.
    """
    if format is not None and format not in FORMATS:
        hint = did_you_mean(format, FORMATS)
        raise ValueError(f"format is {format!r}; expected one of {', '.join(FORMATS)}.{hint}")
    if is_file(path):
        source = _from_file(path, format, modified(path))
    elif is_folder(path):
        source = _from_folder(path, format)
    else:
        raise ValueError(f"labels should be in {path}, which does not exist.")
    if source is None:
        raise ValueError(
            f"{path} holds no labels of {f'format {format}' if format else 'a known format'}; "
            "expected a folder or zip of label images (with a labelmap.txt if they are coloured), "
            "or one JSON file from COCO or Label Studio (its JSON, not JSON-MIN)."
        )
    return source


def _from_folder(folder: Path, format: str | None) -> LabelSource | None:
    if format in FOLDERS:
        return FOLDERS[format](folder)
    if format is None and ColourMasks.recognises(folder):
        return ColourMasks(folder)
    files = files_below(folder)
    documents = [file for file in files if file.suffix.lower() == ".json"]
    if len(documents) == 1 and (source := _from_file(documents[0], format, modified(documents[0]))):
        return source
    if format is None and LabelMaps.recognises(folder):
        return LabelMaps(folder)
    if len(documents) > 1:
        shown = ", ".join(str(file) for file in documents[:4])
        raise ValueError(f"{folder} holds {len(documents)} JSON files; name one of them: {shown}.")
    return None


@lru_cache(maxsize=4)
def _from_file(file: Path, format: str | None, changed: int) -> LabelSource | None:
    """The source for a JSON file, or None where its format is another one."""
    try:
        with open_file(file) as opened:
            document = json.load(opened)
    except ValueError as error:
        raise ValueError(f"{file} is not readable JSON: {error}.") from error
    for name, kind in FILES.items():
        if format in (None, name) and kind.recognises(document):
            return _parsed(kind, file, document)
    return None


def _parsed(kind: _Kind, file: Path, document: Any) -> LabelSource:
    try:
        return kind(file, document)
    except KeyError as error:
        raise ValueError(f"{file}: an entry lacks {error}, which its format asks for.") from error
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{file}: an entry is not as its format asks for: {error}.") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
