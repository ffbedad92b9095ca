"""Which files to segment, and what their results are called."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from ..data.reading import IMAGE_EXTENSIONS
from ..files import everything_below

VIDEO_EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
# File systems allow 255 bytes; an extension and what marks unfinished files are added.
_MAX_NAME_BYTES = 180


def find_inputs(
    inputs: Iterable[str | Path], lists: Iterable[str | Path] = (), without: Iterable[Path] = ()
) -> dict[Path, str]:
    """
    The files to segment.

    Args:
        inputs: files as they are; folders as the images in them and in folders inside, linked ones
            too, sorted (hidden ones and videos left out); patterns such as "photos/**/*.jpg";
            "@FILE" for a list.
        lists: files that name one file a line.
        without: folders that are not searched.

    Returns:
        dict: file -> path without extension that tells its results apart from those of others: its
        place in the folder, below the fixed part of the pattern, or as a list gives it.

    Raises:
        ValueError: an input that does not exist, or no image at all. What a list names need not
            exist: that is found out when it is read.
    """
    given = [*map(str, inputs), *(f"@{file}" for file in lists)]
    apart = {Path(os.path.realpath(folder)) for folder in without}
    found: dict[Path, Path] = {}
    for each in given:
        is_list = each.startswith("@") and not os.path.lexists(each)
        for file, place in _listed(Path(each[1:])) if is_list else _expanded(each, apart):
            found.setdefault(file, place)
    if not found:
        raise ValueError(
            f"no images in {', '.join(given)}; looked for {' '.join(IMAGE_EXTENSIONS)}."
        )
    return _output_names(found)


def is_video(file: Path) -> bool:
    return file.suffix.lower() in VIDEO_EXTENSIONS


def _expanded(given: str, without: set[Path]) -> Iterator[tuple[Path, Path]]:
    """(file, its place) of one input."""
    path = Path(given)
    if path.is_dir():
        for file in sorted(file for file, _ in everything_below(path)):
            place = file.relative_to(path)
            is_hidden = any(part.startswith(".") for part in place.parts)
            if file.suffix.lower() in IMAGE_EXTENSIONS and not is_hidden:
                inside = Path(os.path.realpath(file.parent))
                if without.isdisjoint((inside, *inside.parents)):
                    yield file, place
    elif os.path.lexists(path):
        yield path, Path(path.name)
    else:
        matches = sorted(map(Path, glob.glob(given, recursive=True)))
        root = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        if not matches:
            raise ValueError(
                f"input {given!r} does not exist; give image or video files, folders, patterns, or "
                "@FILE, a list of them."
            )
        for file in matches:
            place = file.relative_to(root)
            if not (file.is_dir() or _is_in_a_circle(root, place)):
                yield file, place


def _is_in_a_circle(root: Path, place: Path) -> bool:
    """Whether links lead through one folder twice: patterns follow them as often as they can."""
    folders = [os.path.realpath(root / inside) for inside in place.parents]
    return len(set(folders)) < len(folders)


def _listed(listing: Path) -> Iterator[tuple[Path, Path]]:
    """(file, its place) of every line."""
    try:
        lines = os.fsdecode(listing.read_bytes()).removeprefix("\ufeff").split("\n")
    except OSError as error:
        raise ValueError(f"the list {listing} cannot be read: {error.strerror}.") from None
    for line in lines:
        if line.strip():
            file = Path(line.rstrip("\r"))
            is_place = not file.is_absolute() and ".." not in file.parts
            yield file, file if is_place else Path(file.name)


def _output_names(found: Mapping[Path, Path]) -> dict[Path, str]:
    """
    NAME for NAME.jpg; NAME.jpg where two files would want the same name; numbered if even that is
    taken.
    """
    wanted = {file: place.with_suffix("") for file, place in found.items()}
    times = Counter(str(name).lower() for name in wanted.values())
    names: dict[Path, str] = {}
    taken: Counter[str] = Counter()
    for file, place in found.items():
        is_alone = times[str(wanted[file]).lower()] == 1
        base = name = _shortened(wanted[file] if is_alone else place).as_posix()
        while name.lower() in taken:
            taken[base.lower()] += 1
            name = f"{base}.{taken[base.lower()]}"
        taken[name.lower()] = 1
        names[file] = name
    return names


def _shortened(place: Path) -> Path:
    name = os.fsencode(place.name)
    if len(name) <= _MAX_NAME_BYTES:
        return place
    return place.with_name(name[:_MAX_NAME_BYTES].decode(errors="ignore"))
