"""
Your own dataset: folders of images and of label maps that pair up by name.

What a YAML description says (description.py) becomes a FolderDataset; its files are looked at when
they are listed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..vocabulary import Vocabulary
from .mapper import Sample
from .reading import IMAGE_EXTENSIONS, LABEL_EXTENSIONS


@dataclass(frozen=True)
class Part:
    """
    Images and label maps of one part, paired by their paths without extensions, below folders given
    relative to root.

    Attributes:
        listing: file (relative to root) that names the images to take, one a line; None takes all.
        percent: (from, to), the share of the shuffled images to take.
        seed: of that shuffling.
    """

    images: str
    labels: str
    listing: str | None = None
    percent: tuple[float, float] = (0, 100)
    seed: int = 0


@dataclass(frozen=True)
class FolderDataset:
    """
    What a description says.

    Attributes:
        file: the description.
        name: the parts are registered as NAME_train and NAME_val.
        root: folder the parts' folders are relative to; variables of the environment are not yet
            filled in.
        vocabulary: names, which of them are seen, prompt words.
        prompts: the words as given, a name -> word(s).
        label_values: value in the label maps -> class, or -> ignore_label.
        ignore_label: what ignored pixels become.
        parts: "train" and "val", or one of them.
    """

    file: Path
    name: str
    root: str
    vocabulary: Vocabulary
    prompts: Mapping[str, str | Sequence[str]]
    label_values: Mapping[int, int]
    ignore_label: int
    parts: Mapping[str, Part] = field(repr=False)

    def samples(self, part: str) -> list[Sample]:
        """
        The dataset dicts of a part, sorted by path.

        Raises:
            ValueError: a folder, list or environment variable that does not exist, or an image
                without its label map, or the reverse.
        """
        root, chosen = self._root(), self.parts[part]
        images = _files(root / chosen.images, IMAGE_EXTENSIONS, f"{self.file}: images of {part}")
        labels = _files(root / chosen.labels, LABEL_EXTENSIONS, f"{self.file}: labels of {part}")
        keys = sorted(images)
        if chosen.listing is not None:
            keys = _listed(root / chosen.listing, images)
            labels = {key: labels[key] for key in keys if key in labels}
        for what, missing, there in (
            ("images have no label map", set(keys) - set(labels), images),
            ("label maps have no image", set(labels) - set(keys), labels),
        ):
            if missing:
                examples = ", ".join(str(there[key]) for key in sorted(missing)[:3])
                raise ValueError(
                    f"{self.file}: {len(missing)} {what} of the same name in {part}: {examples}"
                    f"{', ...' if len(missing) > 3 else ''}."
                )
        if chosen.percent != (0, 100):
            order = np.random.default_rng(chosen.seed).permutation(len(keys))
            first, last = (round(len(keys) * share / 100) for share in chosen.percent)
            keys = sorted(keys[i] for i in order[first:last])
        return [
            {"file_name": str(images[key]), "sem_seg_file_name": str(labels[key]), "image_id": key}
            for key in keys
        ]

    def _root(self) -> Path:
        root = os.path.expanduser(os.path.expandvars(self.root))
        if "$" in root:
            raise ValueError(
                f"{self.file}: root is {self.root!r}, but the environment has no such variable; "
                "set it to the folder of the data, or write the folder itself."
            )
        return self.file.parent / root


def _files(folder: Path, extensions: Collection[str], what: str) -> dict[str, Path]:
    """Path below the folder without extension -> file; folders inside are searched too."""
    if not folder.is_dir():
        raise ValueError(f"{what} should be in {folder}, which is no folder.")
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in extensions and not file.name.startswith("."):
            key = file.relative_to(folder).with_suffix("").as_posix()
            if key in found:
                raise ValueError(
                    f"{what}: {found[key]} and {file} have the same name; keep one of them."
                )
            found[key] = file
    if not found:
        raise ValueError(
            f"{what} should be in {folder}, which has no {' '.join(extensions)} files."
        )
    return found


def _listed(file: Path, images: Mapping[str, Path]) -> list[str]:
    """
    The keys of `images` that a list names, with or without extension; empty lines and # comments
    are skipped.
    """
    if not file.is_file():
        raise ValueError(f"there is no list {file}.")
    keys = []
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = line.partition("#")[0].strip()
        if entry:
            stem = Path(entry)
            is_known = entry in images or stem.suffix.lower() not in IMAGE_EXTENSIONS
            keys.append(entry if is_known else stem.with_suffix("").as_posix())
    unknown = [key for key in keys if key not in images]
    if unknown:
        raise ValueError(
            f"{file} names {len(unknown)} images that do not exist, such as {unknown[0]!r}."
        )
    return sorted(set(keys))
