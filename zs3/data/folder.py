"""
Your own dataset: images, and labels in one of the formats of zs3/data/annotations.

What a YAML description says (description.py) becomes a FolderDataset; its files are looked at when
they are listed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..counting import counted
from ..vocabulary import Vocabulary
from .annotations import ImageLabels, files_by_key, key_of, open_labels
from .annotations.label_maps import LabelMap
from .archive import is_file, read_lines
from .class_table import ClassTable, expect_names
from .mapper import LABEL_READER, Sample
from .reading import IMAGE_EXTENSIONS


@dataclass(frozen=True)
class Part:
    """
    Images and labels of one part, by paths relative to root. Paths may lead into zip archives.

    Attributes:
        labels: folder, JSON file or zip archive, see `open_labels`.
        format: of the labels; None recognises it.
        listing: file that names the images to take, one a line; None takes all.
        percent: (from, to), the share of the shuffled images to take.
        seed: of that shuffling.
    """

    images: str
    labels: str
    format: str | None = None
    listing: str | None = None
    percent: tuple[float, float] = (0, 100)
    seed: int = 0


@dataclass(frozen=True)
class Listing:
    """
    What a part consists of.

    Attributes:
        samples: dataset dicts, sorted by path.
        gaps: what does not go together (such as "images without labels") -> the files.
        notes: what was left out on purpose, a line each.
    """

    samples: Sequence[Sample]
    gaps: Mapping[str, Sequence[str]]
    notes: Sequence[str]


@dataclass(frozen=True)
class FolderDataset:
    """
    What a description says.

    Attributes:
        file: the description.
        name: the parts are registered as NAME_train and NAME_val.
        root: folder the parts' paths are relative to; variables of the environment are not yet
            filled in.
        vocabulary: names, which of them are seen, prompt words.
        prompts: the words as given, a name -> word(s).
        classes: which class a stored label is.
        parts: "train" and "val", or one of them.
    """

    file: Path
    name: str
    root: str
    vocabulary: Vocabulary
    prompts: Mapping[str, str | Sequence[str]]
    classes: ClassTable
    parts: Mapping[str, Part] = field(repr=False)

    def samples(self, part: str) -> list[Sample]:
        """
        The dataset dicts of a part, sorted by path.

        Raises:
            ValueError: as `listing`, or whatever that finds not to go together.
        """
        listing = self.listing(part)
        if listing.gaps:
            what, files = next(iter(listing.gaps.items()))
            raise ValueError(
                f"{self.file}: {part} has {what} ({len(files)}): {', '.join(files[:3])}"
                f"{', ...' if len(files) > 3 else ''}; `zs3 check-dataset {self.file}` tells all "
                "that is wrong."
            )
        return list(listing.samples)

    def listing(self, part: str) -> Listing:
        """
        Pairs images and labels. Their content is not looked at.

        Raises:
            ValueError: a folder, list or environment variable that does not exist, or label files
                that are not as their format asks for.
        """
        try:
            return self._listing(part)
        except ValueError as error:
            raise ValueError(f"{self.file}: {error}") from error

    def image_names(self) -> set[str]:
        """
        What images are called, be they of a part or not: paths without extension, below the folder
        of their part's images. A folder that is missing, or not in order, has none.
        """
        names: set[str] = set()
        for part in self.parts.values():
            with suppress(ValueError):
                folder = filled_root(self.root, self.file) / part.images
                names.update(files_by_key(folder, IMAGE_EXTENSIONS, "images").files)
        return names

    def _listing(self, part: str) -> Listing:
        root, chosen = filled_root(self.root, self.file), self.parts[part]
        images, repeated = files_by_key(root / chosen.images, IMAGE_EXTENSIONS, f"images of {part}")
        source = open_labels(root / chosen.labels, chosen.format)
        table = self.classes.of_source(
            source, root / chosen.labels, lambda: names_in_files(root, self.parts)
        )
        pairs = source.pair(images)
        gaps: dict[str, Sequence[str]] = {
            "images with the same name": repeated,
            "labels that are not of one image each": pairs.unclear,
        }
        if chosen.listing is None:
            keys = sorted(pairs.labels if source.lists_images else images)
            gaps["labels without image"] = pairs.alone
        else:
            listed = _listed(root / chosen.listing, images)
            keys = [key for key in listed if key in images]
            gaps["listed images that do not exist"] = [k for k in listed if k not in images]
        gaps["images without labels"] = [str(images[k]) for k in keys if k not in pairs.labels]
        keys = [key for key in keys if key in pairs.labels]
        if chosen.percent != (0, 100):
            order = np.random.default_rng(chosen.seed).permutation(len(keys))
            first, last = (round(len(keys) * share / 100) for share in chosen.percent)
            keys = sorted(keys[i] for i in order[first:last])
        notes = [*source.notes]
        if source.lists_images and chosen.listing is None and len(images) > len(pairs.labels):
            more = len(images) - len(pairs.labels)
            notes.append(
                f"{root / chosen.labels} says nothing about {counted(more, 'image')} of {part}"
            )
        untaken = [name for name in source.names or () if name not in self.classes.of_name]
        if untaken:
            notes.append(f"{root / chosen.labels}: ignored, as not in names: {', '.join(untaken)}")
        return Listing(
            [_sample(key, images[key], pairs.labels[key], table) for key in keys],
            {what: files for what, files in gaps.items() if files},
            notes,
        )


def names_in_files(root: Path, parts: Mapping[str, Part]) -> list[str]:
    """
    Names of the label files of all parts, in order, each once.

    Raises:
        ValueError: labels that cannot be opened, or have no names.
    """
    names: list[str] = []
    for part in parts.values():
        labels = root / part.labels
        names += expect_names(open_labels(labels, part.format), labels)
    return list(dict.fromkeys(names))


def filled_root(root: str, file: Path) -> Path:
    """
    The root of a description, with variables of the environment filled in.

    Raises:
        ValueError: there is no such variable.
    """
    filled = os.path.expanduser(os.path.expandvars(root))
    if "$" in filled:
        raise ValueError(
            f"root is {root!r}, but the environment has no such variable; set it to the folder of "
            "the data, or write the folder itself."
        )
    return file.parent / filled


@dataclass(frozen=True)
class _ClassesOf:
    """Reads the labels of an image as classes, by the table of their source."""

    labels: ImageLabels
    image: Path
    table: np.ndarray

    def __call__(self) -> np.ndarray:
        return self.table[self.labels.read(self.image)]


def _sample(key: str, image: Path, labels: ImageLabels, table: np.ndarray | None) -> Sample:
    if isinstance(labels, LabelMap):
        files = {"file_name": str(image), "sem_seg_file_name": str(labels.file)}
        return {**files, "image_id": key}
    assert table is not None  # only label maps have none
    reader = _ClassesOf(labels, image, table)
    return {"file_name": str(image), "image_id": key, LABEL_READER: reader}


def _listed(file: Path, images: Collection[str]) -> list[str]:
    """
    The keys that a list names, with or without extension; empty lines and # comments are skipped.
    """
    if not is_file(file):
        raise ValueError(f"there is no list {file}.")
    listed = set()
    for line in map(str.strip, read_lines(file)):
        key = next((k for k in (line, key_of(line)) if k in images), None)  # "#" may be in a name
        entry = line.partition("#")[0].strip()
        if key or entry:
            listed.add(key or (entry if entry in images else key_of(entry)))
    return sorted(listed)
