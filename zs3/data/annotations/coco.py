"""
COCO's JSON of instances: polygons, and run-length encodings, compressed and not.

    {"images": [{"id", "file_name", "width", "height"}], "categories": [{"id", "name"}],
     "annotations": [{"image_id", "category_id", "segmentation"}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # JSON

import numpy as np

from ...counting import counted
from .matching import pair_by_file_name
from .painting import checked_size, paint, runs_of_polygons, runs_of_text
from .source import Pairs


@dataclass(frozen=True)
class _Encoded:
    """A mask of (H, W) pixels by its runs, perhaps compressed."""

    size: tuple[int, ...]
    runs: np.ndarray | bytes


@dataclass
class CocoImage:
    """
    Attributes:
        file: that annotates it.
        instances: index of a name, and where it is.
        unlabelled: the label of pixels without instance.
    """

    file: Path
    name: str
    height: int
    width: int
    unlabelled: int
    instances: list[tuple[int, list[np.ndarray] | _Encoded]] = field(default_factory=list)

    def read(self, image: Path) -> np.ndarray:
        height, width = self.height, self.width
        try:
            masks = [(name, _runs(shape, height, width)) for name, shape in self.instances]
            return paint(masks, height, width, self.unlabelled)
        except ValueError as error:
            raise ValueError(f"{self.file}, image {self.name!r}: {error}") from error


class CocoInstances:
    """
    Args:
        file: the JSON.
        document: what the file holds.

    Raises:
        ValueError: annotations of images or categories that are not there, or images of no size.
    """

    lists_names = True
    lists_images = True

    def __init__(self, file: Path, document: Mapping[str, Any]) -> None:
        self.file = file
        self.names, index = names_of(document)
        self.images = {
            image["id"]: CocoImage(
                file,
                str(image["file_name"]),
                *checked_size(image["height"], image["width"]),
                len(self.names),
            )
            for image in document["images"]
        }
        boxes = 0
        for annotation in document["annotations"]:
            image = self.images.get(annotation["image_id"])
            name = index.get(annotation["category_id"])
            if image is None or name is None:
                raise ValueError(
                    f"annotation {annotation.get('id')} is about image "
                    f"{annotation['image_id']!r} and category {annotation['category_id']!r}, "
                    "which are not both in the file."
                )
            shape = _compact(annotation.get("segmentation"))
            if shape:
                image.instances.append((name, shape))
            else:
                boxes += 1
        self.notes = (
            f"{file}: {counted(boxes, 'annotation')} without mask (perhaps a box)",
        ) * bool(boxes)

    @staticmethod
    def recognises(document: object) -> bool:
        return isinstance(document, dict) and {"images", "annotations", "categories"} <= set(
            document
        )

    def pair(self, images: Mapping[str, Path]) -> Pairs:
        labels = ((image.name, image) for image in self.images.values())
        return pair_by_file_name(labels, images, self.file)


def names_of(document: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[Any, int]]:
    """The categories' names in order, each once; and a category's id -> index of its name."""
    name_of = {category["id"]: str(category["name"]) for category in document["categories"]}
    names = tuple(dict.fromkeys(name_of.values()))
    return names, {id_: names.index(name) for id_, name in name_of.items()}


def _compact(segmentation: Any) -> list[np.ndarray] | _Encoded:
    """A tenth of the memory that lists of numbers take; empty if there is no mask."""
    if isinstance(segmentation, dict):
        counts = segmentation["counts"]
        runs = counts.encode() if isinstance(counts, str) else np.array(counts, np.int64).ravel()
        return _Encoded(tuple(segmentation["size"]), runs)
    polygons = [polygon for polygon in segmentation or () if len(polygon) >= 6]
    return [np.reshape(polygon, (-1, 2)).astype(np.float32) for polygon in polygons]


def _runs(shape: list[np.ndarray] | _Encoded, height: int, width: int) -> np.ndarray:
    if isinstance(shape, list):
        return runs_of_polygons(shape, height, width)
    if shape.size != (height, width):
        raise ValueError(
            f"a run-length encoding has size {list(shape.size)}, but the image {[height, width]} "
            "(height, width)."
        )
    return runs_of_text(shape.runs) if isinstance(shape.runs, bytes) else shape.runs
