"""
COCO's panoptic format: a JSON, and PNGs whose colours R + 256 G + 256^2 B are ids of segments.

    {"images": [{"id", "file_name"}], "categories": [{"id", "name"}],
     "annotations": [{"image_id", "file_name", "segments_info": [{"id", "category_id"}]}]}

The PNGs lie in the folder that is called as the JSON, without ".json", or else beside it. Id 0 is
unlabelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

import numpy as np

from ...counting import counted
from ..archive import is_folder
from ..reading import read_colours
from .coco import names_of
from .codes import CodeTable
from .matching import pair_by_file_name
from .source import Pairs

_UNLABELLED = 0


@dataclass(frozen=True)
class CocoPanorama:
    """
    Attributes:
        file: that describes the segments.
        png: that shows them.
        segments: id -> index of its name.
    """

    file: Path
    png: Path
    segments: CodeTable

    def read(self, image: Path) -> np.ndarray:
        labels, unknown = self.segments.look_up(read_colours(self.png))
        if len(unknown):
            raise ValueError(
                f"{self.png} holds {len(unknown)} segments that {self.file} does not describe, "
                f"such as id {unknown[0]}."
            )
        return labels


class CocoPanoptic:
    """
    Args:
        file: the JSON.
        document: what it holds.

    Raises:
        ValueError: annotations of images or categories that are not there.
    """

    lists_names = True
    lists_images = True

    def __init__(self, file: Path, document: Mapping[str, Any]) -> None:
        self.file = file
        beside = file.with_suffix("")
        folder = beside if is_folder(beside) else file.parent
        self.names, index = names_of(document)
        images = {image["id"]: str(image["file_name"]) for image in document["images"]}
        self.panoramas: list[tuple[str, CocoPanorama]] = []
        for annotation in document["annotations"]:
            image, png = annotation["image_id"], str(annotation["file_name"])
            categories = {s["id"]: s["category_id"] for s in annotation["segments_info"]}
            if image not in images or not set(categories.values()) <= set(index):
                raise ValueError(
                    f"{png!r} is about image {image!r} and categories "
                    f"{sorted(set(categories.values()))}, which are not all in the file."
                )
            labels = {segment: index[category] for segment, category in categories.items()}
            table = CodeTable.of({**labels, _UNLABELLED: len(self.names)})
            self.panoramas.append((images[image], CocoPanorama(file, folder / png, table)))
        bare = len(images) - len(self.panoramas)
        self.notes = (f"{file}: {counted(bare, 'image')} without annotation",) * bool(bare)

    @staticmethod
    def recognises(document: object) -> bool:
        annotations = document.get("annotations") if isinstance(document, dict) else None
        first = annotations[0] if annotations and isinstance(annotations, list) else None
        return isinstance(first, dict) and "segments_info" in first

    def pair(self, images: Mapping[str, Path]) -> Pairs:
        return pair_by_file_name(self.panoramas, images, self.file)
