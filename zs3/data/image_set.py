"""
The field's datasets: every one of them is a row of a table, an `ImageSet`.

A row says where images and prepared label maps lie below the root (DETECTRON2_DATASETS, by default
"datasets", as in Detectron2) and which class list the labels index. A split is a list of unseen
names. Each row is registered once for every split, as DATASET_SPLIT_PART; without a split, as
DATASET_PART, all classes are seen. Files are looked for when the samples of a dataset are listed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from ..runtime.data import DatasetCatalog, MetadataCatalog
from ..vocabulary import OTHERS, Vocabulary
from .mapper import Sample
from .published import class_list, image_list, unseen_names

Listing = Callable[[Path], Collection[str]]

PARTS = ("train", "val")
FOLDS = ("fold0", "fold1", "fold2", "fold3")
# What is known of sets of episodes.
EPISODES = {"evaluator_type": "episodes", "prompts": {"background": OTHERS}}


def data_root() -> Path:
    """The folder of all datasets: $DETECTRON2_DATASETS, or "datasets"."""
    return Path(os.environ.get("DETECTRON2_DATASETS", "datasets")).expanduser()


def file_names(folder: Path) -> frozenset[str]:
    """Names of the files in a folder but hidden ones; none where there is no folder."""
    names = os.listdir(folder) if folder.is_dir() else []
    return frozenset(name for name in names if not name.startswith("."))


class Entry(NamedTuple):
    """
    One sample.

    Attributes:
        image: its name, without folder and extension.
        label: of the one class to look for, in an episode; None asks for all classes.
    """

    image: str
    label: int | None = None


@dataclass(frozen=True)
class Found:
    """How many images there should be, how many are on this disk, and how many label maps."""

    expected: int
    images: int
    labelled: int


@dataclass(frozen=True)
class ImageSet:
    """
    Attributes:
        dataset, part: of the registered names; part is "train" or "val".
        classes: class list (zs3/data/classes) that the label maps index.
        images, labels: files below the root, with {} for an image's name; `labels` is what the
            prepare script writes.
        script: of datasets/prepare, that makes the label maps.
        splits: of zs3/data/splits; "" is none.
        listing: image list (zs3/data/lists). If it names labels, every label is a sample of its
            own, an episode: seen classes make those of "train", unseen ones those of "val". None
            takes the images there are.
        count: of images, where there is no listing.
        metadata: what is known besides: "prompts", words for text encoders where the name is none;
            "kinds", groups of classes, of which the unseen ones are scored apart;
            "background_names", what the protocol for that asks for instead of "background".
    """

    dataset: str
    part: str
    classes: str
    images: str
    labels: str
    script: str
    splits: tuple[str, ...] = ("",)
    listing: str | None = None
    count: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)  # Any: as Detectron2's Metadata

    def name(self, split: str) -> str:
        """What the set is registered as."""
        return "_".join(filter(None, (self.dataset, split, self.part)))

    @property
    def command(self) -> str:
        return f"python datasets/prepare/{self.script}.py"

    def unseen(self, split: str) -> tuple[str, ...]:
        return unseen_names(self.classes, split) if split else ()

    @property
    def folder(self) -> Path:
        """Of the images."""
        return (data_root() / self.images).parent

    def images_here(self, listing: Listing = file_names) -> set[str]:
        """Names of the images on this disk, be they of this set or not."""
        return _names_here(self.images, listing)

    def image_names(self, split: str, listing: Listing = file_names) -> set[str]:
        """The images there should be; without an image list, those there are."""
        if self.listing is None:
            return self.images_here(listing)
        wanted = self._wanted(split)
        return {
            image
            for image, labels in image_list(self.listing)
            if not labels or not wanted.isdisjoint(labels)
        }

    def entries(self, split: str, listing: Listing = file_names) -> list[Entry]:
        """The samples there should be, in order."""
        if self.listing is None:
            return [Entry(image) for image in sorted(self.images_here(listing))]
        wanted = self._wanted(split)
        return [
            Entry(image, label)
            for image, labels in image_list(self.listing)
            for label in labels or (None,)
            if label is None or label in wanted
        ]

    def _wanted(self, split: str) -> set[int]:
        """Labels that episodes of a split look for."""
        names, unseen = class_list(self.classes).names, self.unseen(split)
        return {k for k, name in enumerate(names) if (name in unseen) == (self.part == "val")}

    def find(self, split: str, listing: Listing = file_names) -> Found:
        """Looks for the files of a split, by the names in their folders."""
        names = self.image_names(split, listing)
        images, labelled = (
            len(names & _names_here(pattern, listing)) for pattern in (self.images, self.labels)
        )
        return Found(self.count or len(names), images, labelled)

    def expect_files(self, split: str, listing: Listing = file_names) -> None:
        """
        Raises:
            FileNotFoundError: images or label maps of a split are missing, or there are more than
                there should be.
        """
        found = self.find(split, listing)
        for what, pattern, count in (
            ("images", self.images, found.images),
            ("label maps", self.labels, found.labelled),
        ):
            if count != found.expected:
                raise FileNotFoundError(
                    f"dataset {self.name(split)!r}: {count} of {found.expected} {what} are in "
                    f"{(data_root() / pattern).parent}; `{self.command}` prepares it, and says "
                    "what to download (DETECTRON2_DATASETS names the folder of all datasets)."
                )

    def samples(self, split: str) -> list[Sample]:
        """
        Detectron2's dicts. Those of an episode have the name of its class as "episode", and as
        "vocabulary" what is asked for: OTHERS and that name.

        Raises:
            FileNotFoundError: see `expect_files`.
        """
        listing = cache(file_names)
        self.expect_files(split, listing)
        images, labels = (str(data_root() / pattern) for pattern in (self.images, self.labels))
        asked = [
            {"episode": name, "vocabulary": Vocabulary.of((OTHERS, name), unseen=(name,))}
            for name in class_list(self.classes).names
        ]
        samples = []
        for image, label in self.entries(split, listing):
            sample: Sample = {
                "file_name": images.replace("{}", image),
                "sem_seg_file_name": labels.replace("{}", image),
                "image_id": image,
            }
            if label is not None:
                sample |= asked[label]
            samples.append(sample)
        return samples


def _names_here(pattern: str, listing: Listing) -> set[str]:
    """What a pattern's "{}" can be filled with."""
    file = data_root() / pattern
    extension = file.name.removeprefix("{}")
    names = (name for name in listing(file.parent) if name.endswith(extension))
    return {name.removesuffix(extension) for name in names}


def register_image_sets(sets: Iterable[ImageSet]) -> None:
    """Registers each set for all of its splits; what is registered already is left alone."""
    known = set(DatasetCatalog.list())
    for image_set in sets:
        for split in image_set.splits:
            name = image_set.name(split)
            if name in known:
                continue
            DatasetCatalog.register(name, partial(image_set.samples, split))
            MetadataCatalog.get(name).set(**_metadata(image_set, split))


def _metadata(image_set: ImageSet, split: str) -> dict[str, Any]:
    classes, unseen = class_list(image_set.classes), image_set.unseen(split)
    metadata = {
        "stuff_classes": list(classes.names),
        "unseen": list(unseen),
        "ignore_label": classes.ignore_label,
        "evaluator_type": "sem_seg",
        **image_set.metadata,
    }
    if classes.palette is not None:
        metadata["palette"] = [list(colour) for colour in classes.palette]
    if "kinds" in metadata:
        kinds = metadata["kinds"].items()
        chosen = {kind: [name for name in unseen if name in names] for kind, names in kinds}
        metadata["kinds"] = {kind: names for kind, names in chosen.items() if names}
    return metadata
