"""
Instances that may overlap, painted into one label map.

A mask is its runs, as in COCO's JSON: (R,) lengths down one column after the other, by turns
outside and inside, the first one outside and perhaps 0. Polygons are rasterised by COCO's own rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from pycocotools import mask as coco_mask


def checked_size(height: int, width: int) -> tuple[int, int]:
    """(H, W) as whole numbers. Raises ValueError for what no image file has."""
    height, width = int(height), int(width)
    if not 0 < min(height, width) <= max(height, width) < 1 << 16:
        raise ValueError(f"an image of {width} x {height} pixels; expected 1 to 65535 a side.")
    return height, width


def runs_of_polygons(polygons: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
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
    return runs_of_text(coco_mask.merge(coco_mask.frPyObjects(flat, height, width))["counts"])


def runs_of_mask(mask: np.ndarray) -> np.ndarray:
    """Of (H, W) bool."""
    columns = cv2.transpose(mask.view(np.uint8)).ravel().view(bool)  # 10 times faster than NumPy's
    return np.diff(np.flatnonzero(np.diff(columns, prepend=False)), prepend=0, append=columns.size)


def runs_of_text(text: bytes) -> np.ndarray:
    """
    Of COCO's compressed form: digits of 5 bits, the lowest first, each with a bit 32 if more follow
    and the last with a sign; from the fourth on, numbers are differences to the last but one.
    """
    # pycocotools' own decoder leaves memory as it was where the text ends too early.
    digits = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(digits & 32 == 0)
    lengths = np.diff(ends, prepend=-1)
    starts = ends - lengths + 1
    places = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    runs = np.zeros(len(ends), np.int64)
    np.add.at(
        runs, np.repeat(np.arange(len(ends)), lengths), (digits & 31)[: len(places)] << 5 * places
    )
    runs -= np.where(digits[ends] & 16, 1 << 5 * lengths, 0)
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return runs


def paint(
    instances: Sequence[tuple[int, np.ndarray]], height: int, width: int, empty: int
) -> np.ndarray:
    """
    Smaller instances lie on top of larger ones, and of equal ones the later on top: what lies
    inside something else (a window in a wall) is not lost, in whatever order it was drawn.

    Args:
        instances: value and runs of each.
        empty: value where there are none.

    Returns:
        np.ndarray: (H, W) uint16.

    Raises:
        ValueError: runs that do not cover the image exactly.
    """
    painted = np.full(height * width, empty, np.uint16)
    for value, runs in sorted(instances, key=lambda instance: -instance[1][1::2].sum()):
        if (runs < 0).any() or runs.sum() != height * width:
            raise ValueError(
                f"a run-length encoding covers {runs.sum()} pixels, but {width} x {height} are "
                f"{height * width}."
            )
        # Nothing is inside before the second run, nor after the last one of an even number.
        first, inner = runs[0], runs[1 : len(runs) // 2 * 2]
        inside = np.repeat(np.arange(len(inner)) % 2 == 0, inner)
        painted[first : first + len(inside)][inside] = value
    return cv2.transpose(painted.reshape(width, height))
