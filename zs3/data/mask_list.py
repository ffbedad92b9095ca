"""Label maps that are shipped as lists of masks, as COCO and "PASCAL in Detail" do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
