"""
Which image labels belong to. Images go by a key: their path below their folder, without extension.

Programs that export annotations spell image files in their own ways: with a folder more or less
("images/a.jpg" for "2024/a.jpg"), with underscores for blanks, and, if they were uploaded to Label
Studio, with eight hexadecimal digits in front ("1a2b3c4d-a.jpg").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..archive import files_below, is_folder
from ..reading import IMAGE_EXTENSIONS
from .source import ImageLabels, Pairs


class KeyedFiles(NamedTuple):
    """
    Attributes:
        files: by key; of several with one key, the first.
        repeated: those with a key that another one has, each with that one, as they may be shown
            to somebody.
    """

    files: dict[str, Path]
    repeated: list[str]


def files_by_key(folder: Path, extensions: Collection[str], what: str) -> KeyedFiles:
    """
    The files of a folder and of those inside it, by key. The folder may be, or lie in, an archive.

    Args:
        what: they are, for the refusals.

    Raises:
        ValueError: no such folder, or no such files.
    """
    if not is_folder(folder):
        raise ValueError(f"{what} should be in {folder}, which is no folder.")
    found: dict[str, Path] = {}
    repeated = []
    for file in files_below(folder):
        if file.suffix.lower() in extensions:
            key = file.relative_to(folder).with_suffix("").as_posix()
            if found.setdefault(key, file) is not file:
                repeated.append(f"{found[key]} = {file}")
    if not found:
        raise ValueError(
            f"{what} should be in {folder}, which has no {' '.join(extensions)} files."
        )
    return KeyedFiles(found, repeated)


def key_of(path: str) -> str:
    """The path without an image's extension, and with slashes for backslashes."""
    pure = PurePosixPath(path.replace("\\", "/"))
    return str(pure.with_suffix("") if pure.suffix.lower() in IMAGE_EXTENSIONS else pure)


def pair_by_file_name(
    labels: Iterable[tuple[str, ImageLabels]], images: Mapping[str, Path], source: str | Path
) -> Pairs:
    """
    Takes, of the images with the file name a source writes, the one with the most folders in common
    with it, counted from the file upwards, and then the one in the fewest folders.

    Args:
        labels: the image file, as the source spells it, and its labels.
        images: by the path below their folder, without extension.
        source: for what does not go together.
    """
    named = defaultdict(list)
    for key in images:
        for name in {_name(key), _plain(_name(key))}:
            named[name].append(key)
    found: dict[str, ImageLabels] = {}
    spelled: dict[str, str] = {}
    alone, unclear = [], []
    for file, image_labels in labels:
        wanted = key_of(file)
        candidates = next((named[s] for s in _spellings(_name(wanted)) if s in named), [])
        nearness = [_nearness(key, wanted) for key in candidates]
        best = [
            key for key, near in zip(candidates, nearness, strict=True) if near == max(nearness)
        ]
        if not best:
            alone.append(f"{file} (in {source})")
        elif len(best) > 1:
            may_be = f"{images[best[0]]} or {images[best[1]]}; give the files different names"
            unclear.append(f"{source}: {file!r} may be {may_be}")
        elif best[0] in found:
            both = f"{spelled[best[0]]!r} and {file!r} are both the image {images[best[0]]}"
            unclear.append(f"{source}: {both}; keep one of them")
        else:
            found[best[0]], spelled[best[0]] = image_labels, file
    return Pairs(found, alone, unclear)


def pair_by_path(
    keyed: KeyedFiles, images: Mapping[str, Path], labels_in: Callable[[Path], ImageLabels]
) -> Pairs:
    """
    Takes the image and the label file with the same key.

    Args:
        labels_in: the labels of a label file.
    """
    return Pairs(
        {key: labels_in(file) for key, file in keyed.files.items() if key in images},
        [str(file) for key, file in keyed.files.items() if key not in images],
        keyed.repeated,
    )


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _spellings(name: str) -> Iterator[str]:
    yield name
    yield _plain(name)
    yield _plain(re.sub(r"^[0-9a-f]{8}-", "", name))


def _plain(name: str) -> str:
    """As programs store uploaded files: blanks are underscores, other special characters gone."""
    return re.sub(r"[^\w.-]", "", name.replace(" ", "_"))


def _nearness(key: str, wanted: str) -> tuple[int, int]:
    """Path parts in common, from the end; and minus those of the key."""
    parts = key.split("/")
    pairs = zip(reversed(parts), reversed(wanted.split("/")), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs))), -len(parts)
