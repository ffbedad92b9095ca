"""
Instances that may overlap, painted into one label map.

Masks are COCO's run-length encoding (a dict "size" [H, W] and "counts" bytes, as pycocotools makes
them): small, and rasterised from polygons by COCO's own rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any  # pycocotools' dicts

import numpy as np
from pycocotools import mask as coco_mask

Rle = dict[str, Any]


def rle_of_polygons(polygons: Sequence[np.ndarray], height: int, width: int) -> Rle:
    """
    The union of polygons.

    Args:
        polygons: each (V, 2) x, y in pixels, V at least 3; the first pixel reaches from 0 to 1.

    Raises:
        ValueError: corners that are no numbers, or far away from the image.
    """
    # Rasterising walks along the edges: one that never ends would take all memory.
    reach = 10 * max(height, width)
    for polygon in polygons:
        wrong = polygon[~(np.abs(polygon) <= reach).all(1)]
        if len(wrong):
            raise ValueError(
                f"a polygon has the corner {tuple(wrong[0].tolist())}, but the image is "
                f"{width} x {height}."
            )
    flat = [polygon.ravel().tolist() for polygon in polygons]
    return coco_mask.merge(coco_mask.frPyObjects(flat, height, width))


def rle_of_mask(mask: np.ndarray) -> Rle:
    """Of (H, W) bool."""
    return coco_mask.encode(np.asfortranarray(mask.view(np.uint8)))


def rle_of_counts(counts: Sequence[int], height: int, width: int) -> Rle:
    """
    Of COCO's uncompressed runs: column after column, by turns outside and inside.

    Raises:
        ValueError: runs that do not cover height x width pixels exactly.
    """
    if any(count < 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(
            f"its runs cover {sum(counts)} pixels, but {width} x {height} are {height * width}."
        )
    return coco_mask.frPyObjects({"counts": list(counts), "size": [height, width]}, height, width)


def paint(instances: Sequence[tuple[int, Rle]], height: int, width: int, empty: int) -> np.ndarray:
    """
    Smaller instances lie on top of larger ones, and of equal ones the later on top: what lies
    inside something else (a window in a wall) is not lost, in whatever order it was drawn.

    Args:
        instances: value and mask of each.
        empty: value where there are none.

    Returns:
        np.ndarray: (H, W) uint16.

    Raises:
        ValueError: runs that do not cover the image.
    """
    # Column by column, as the masks are.
    painted = np.full((height, width), empty, np.uint16, order="F")
    areas = [int(coco_mask.area(mask)) for _, mask in instances]
    for i in sorted(range(len(instances)), key=lambda i: -areas[i]):
        value, mask = instances[i]
        inside = coco_mask.decode(mask)
        # pycocotools notices runs that are too long, but leaves memory as it is after short ones.
        if np.count_nonzero(inside) != areas[i]:
            raise ValueError("a run-length encoding ends before its image does.")
        np.copyto(painted, value, where=inside.view(bool))
    return np.ascontiguousarray(painted)
