"""
Augmentation by OpenCV's rules: images are stretched to a square and then scaled.

SPNet (Xian et al., CVPR 2019), CaGNet (Gu et al., ACM MM 2020). Images become float32, so that
nothing is rounded on the way; like the others, each of these is a function of (image (H, W, 3),
label (H, W), rng).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from .augmentation import Pair


@dataclass(frozen=True)
class Warp:
    """Stretches to side x side pixels, whatever the ratio was; 0 keeps the size."""

    side: int

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        if self.side == 0:
            return self.image(image), label
        rows, columns = (source_rows(length, self.side) for length in label.shape)
        return self.image(image), label[np.ix_(rows, columns)]

    def image(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) -> (side, side, 3) float32, bilinear without antialiasing."""
        image = image.astype(np.float32)
        return image if self.side == 0 else cv2.resize(image, (self.side, self.side))

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Whatever it was, unless it is kept."""
        return (self.side, self.side) if self.side else (height, width)


@dataclass(frozen=True)
class RandomRescale:
    """Scales both sides by a factor drawn from low..high."""

    low: float
    high: float

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        factor = float(rng.uniform(self.low, self.high))
        image = cv2.resize(image, None, fx=factor, fy=factor)
        rows, columns = (
            source_rows(before, after, 1 / factor)
            for before, after in zip(label.shape, image.shape[:2], strict=True)
        )
        return image, label[np.ix_(rows, columns)]


@dataclass(frozen=True)
class PadCentred:
    """Extends to at least `side` pixels all around, with a colour and `ignore_label`."""

    side: int
    colour: Sequence[float]
    ignore_label: int

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        missing = [max(self.side - length, 0) for length in label.shape]
        around = [(length // 2, length - length // 2) for length in missing]
        padded = cv2.copyMakeBorder(
            image, *around[0], *around[1], cv2.BORDER_CONSTANT, value=tuple(self.colour)
        )
        return padded, np.pad(label, around, constant_values=self.ignore_label)


def source_rows(before: int, after: int, step: float | None = None) -> np.ndarray:
    """
    Which of `before` rows each of `after` rows repeats when a label map is resized as OpenCV does.

    Args:
        step: rows of the source a row; by default, what takes one length to the other.
    """
    if step is None:
        step = 1 / (after / before)  # not before / after: the rounding differs
    return np.minimum((np.arange(after) * step).astype(np.int64), before - 1)
