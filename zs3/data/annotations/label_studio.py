"""
Label Studio's JSON export (not JSON-MIN): brush strokes and polygons.

    [{"data": {"image": "/data/upload/1/1a2b3c4d-a.jpg"},
      "annotations": [{"result": [{"original_width", "original_height", "image_rotation",
                                   "value": {"brushlabels": ["tree"], "rle": [...]}}]}]}]

Of several annotations of an image the last one counts that was not skipped. Rectangles, ellipses
and points are no masks, and regions without a label say nothing: they are left out, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON
from urllib.parse import parse_qs, unquote, urlparse

import numpy as np

from ..reading import IMAGE_EXTENSIONS, image_size
from .brush import decode_brush
from .matching import pair_by_file_name
from .painting import checked_size, paint, runs_of_mask, runs_of_polygons
from .source import Pairs


@dataclass(frozen=True)
class _Region:
    """`shape` is a brush stroke's data, or corners (V, 2) in percent of width and height."""

    name: str
    shape: bytes | np.ndarray
    height: int
    width: int
    rotation: float


@dataclass(frozen=True)
class DrawnImage:
    """
    Attributes:
        file: that annotates it.
        regions: index of a name, and where it is.
        unlabelled: the label of pixels outside.
    """

    file: Path
    name: str
    regions: Sequence[tuple[int, _Region]]
    unlabelled: int

    def read(self, image: Path) -> np.ndarray:
        # An image without regions does not say its size.
        sizes = {(r.height, r.width) for _, r in self.regions} or {image_size(image)}
        try:
            if len(sizes) > 1 or any(region.rotation for _, region in self.regions):
                raise ValueError(
                    "its regions were drawn on images of several sizes, or on a rotated one; "
                    "turn the file itself, and label it again."
                )
            ((height, width),) = sizes
            masks = [(name, _runs(region)) for name, region in self.regions]
            return paint(masks, height, width, self.unlabelled)
        except ValueError as error:
            raise ValueError(f"{self.file}, image {self.name!r}: {error}") from error


class LabelStudio:
    """
    Args:
        file: the JSON.
        document: what the file holds.

    Raises:
        ValueError: a task without an image.
    """

    lists_names = False  # labels that nobody has used are not in the export
    lists_images = True

    def __init__(self, file: Path, document: Sequence[Mapping[str, Any]]) -> None:
        self.file = file
        drawn: list[tuple[str, list[_Region]]] = []
        left_out: Counter[str] = Counter()
        for task in document:
            annotation = _last(task["annotations"])
            if annotation is None:
                left_out["tasks have no annotation"] += 1
                continue
            regions = [_region(result) for result in _labelled_once(annotation["result"])]
            left_out.update(region for region in regions if isinstance(region, str))
            drawn.append((_image_of(task), [r for r in regions if isinstance(r, _Region)]))
        self.names = tuple(sorted({region.name for _, regions in drawn for region in regions}))
        index = {name: i for i, name in enumerate(self.names)}
        self.images = [
            DrawnImage(file, image, [(index[r.name], r) for r in regions], len(index))
            for image, regions in drawn
        ]
        self.notes = tuple(f"{file}: {count} {what}" for what, count in left_out.items())

    @staticmethod
    def recognises(document: object) -> bool:
        return (
            isinstance(document, list)
            and bool(document)
            and all(isinstance(t, dict) and {"data", "annotations"} <= set(t) for t in document)
        )

    def pair(self, images: Mapping[str, Path]) -> Pairs:
        labels = ((image.name, image) for image in self.images)
        return pair_by_file_name(labels, images, self.file)


def _last(annotations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The one changed last that was not skipped."""
    kept = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    return sorted(kept, key=lambda a: str(a.get("updated_at", "")))[-1] if kept else None


def _labelled_once(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without the bare shapes that Label Studio writes beside the same shapes with a label."""
    labelled = {result.get("id") for result in results if _label(result) is not None}
    return [r for r in results if _label(r) is not None or r.get("id") not in labelled]


def _label(result: Mapping[str, Any]) -> str | None:
    chosen = (v for key, v in result.get("value", {}).items() if key.endswith("labels") and v)
    return next((labels[0] for labels in chosen), None)


def _region(result: Mapping[str, Any]) -> _Region | str | None:
    """A region; or why it is left out; or None if the result is about something else."""
    name, value = _label(result), result.get("value", {})
    shape: bytes | np.ndarray
    if "rle" in value:
        shape = bytes(iter(value["rle"]))  # `bytes` of a number would be as many zeros
    elif "points" in value:
        shape = np.array(value["points"], np.float32).reshape(-1, 2)
    else:
        return "rectangles, ellipses or points are no masks" if "x" in value else None
    if name is None:
        return "regions have no label"
    if len(shape) < 3:
        return "polygons have fewer than three corners"
    size = checked_size(result["original_height"], result["original_width"])
    return _Region(name, shape, *size, result.get("image_rotation", 0))


def _runs(region: _Region) -> np.ndarray:
    height, width = region.height, region.width
    if isinstance(region.shape, bytes):
        return runs_of_mask(decode_brush(region.shape, height, width))
    return runs_of_polygons([region.shape * (width / 100, height / 100)], height, width)


def _image_of(task: Mapping[str, Any]) -> str:
    """The path of a task's image, out of what may be a URL."""
    data = task["data"]
    for value in (data.get("image"), *data.values()):
        if isinstance(value, str):
            url = urlparse(value)
            path = parse_qs(url.query).get("d", [unquote(url.path)])[0]
            if path.lower().endswith(IMAGE_EXTENSIONS):
                return path
    raise ValueError(
        f"the data of task {task.get('id')} name no image file: {data!r}; expected one, "
        f"such as {{'image': 'a.jpg'}}."
    )
