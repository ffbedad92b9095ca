"""Label maps that are shipped as lists of masks, as COCO and "PASCAL in Detail" do."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as codec

Segmentation = Any  # Any: COCO's polygons, or run lengths in either form


@dataclass(frozen=True)
class MaskList:
    """
    The masks of an image, to be painted in their order, a later one over an earlier.

    Attributes:
        origin: what they come from, to name it.
        size: (H, W).
        masks: (value, segmentation) each.
    """

    origin: str
    size: tuple[int, int]
    masks: Sequence[tuple[int, Segmentation]]

    def __str__(self) -> str:
        return self.origin

    def paint(self) -> np.ndarray:
        """
        Returns:
            np.ndarray: (H, W) uint16, 0 where there is no mask.

        Raises:
            ValueError: a mask that cannot be decoded, or of another size.
        """
        canvas = np.zeros(self.size, np.uint16)
        for value, segmentation in self.masks:
            try:
                canvas[self._decoded(segmentation)] = value
            except Exception as error:  # the codec raises almost anything
                raise ValueError(f"{self.origin} has a mask that is broken: {error}") from error
        return canvas

    def _decoded(self, segmentation: Segmentation) -> np.ndarray:
        """(H, W) bool"""
        if isinstance(segmentation, list):  # polygons
            segmentation = codec.merge(codec.frPyObjects(segmentation, *self.size))
        elif isinstance(segmentation["counts"], list):
            segmentation = codec.frPyObjects(segmentation, *self.size)
        return codec.decode(segmentation).astype(bool)


def read_mask_lists(
    file: Path, *, masks: str, image_number: str, count_categories: bool = False
) -> dict[str, MaskList]:
    """
    The annotations of a JSON file like COCO's, by the images' names without extension.

    Args:
        masks: key of the list of masks.
        image_number: key of an image's number, which masks have as "image_id".
        count_categories: values are 1, 2, ... for the categories in the order of their numbers;
            otherwise they are these numbers.

    Returns:
        dict: only images that have a mask.

    Raises:
        ValueError: the file is no such JSON.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        listed = content["categories"] if count_categories else ()
        value_of = {number: k for k, number in enumerate(sorted(c["id"] for c in listed), 1)}
        of_image: dict[int, list[tuple[int, Segmentation]]] = defaultdict(list)
        for mask in content[masks]:
            number = mask["category_id"]
            value = value_of[number] if count_categories else number
            of_image[mask["image_id"]].append((value, mask["segmentation"]))
        return {
            Path(image["file_name"]).stem: MaskList(
                f"{image['file_name']} in {file}",
                (image["height"], image["width"]),
                of_image[image[image_number]],
            )
            for image in content["images"]
            if image[image_number] in of_image
        }
    except (ValueError, KeyError, TypeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{file} is not the annotations it should be: {what}.") from error
