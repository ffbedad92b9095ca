"""
Augmentation by Pillow's rules: short edges and blur of ZS3Net (Bucher et al., NeurIPS 2019),
rotation and scaling of SAZS (arXiv 2304.08491).

Each is a function of (image (H, W, 3) uint8, label (H, W) int64, rng). New sides are truncated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from .augmentation import Pair

Filter = Image.Resampling


@dataclass(frozen=True)
class RandomShortEdge:
    """Resizes to a shorter side of low..high pixels, both inclusive, keeping the ratio."""

    low: int
    high: int

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        side = int(rng.integers(self.low, self.high + 1))
        size = _short_edge(label.shape[0], label.shape[1], side)
        return _resize_image(image, size, Filter.BILINEAR), _resize_label(label, size)

    def image(self, image: np.ndarray) -> np.ndarray:
        """Resizes an image alone."""
        return _resize_image(image, self.size(*image.shape[:2]), Filter.BILINEAR)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """By `low`: in prediction there is only one length."""
        return _short_edge(height, width, self.low)


@dataclass(frozen=True)
class RandomScale:
    """Scales both sides by a ratio drawn from low..high: Lanczos to shrink, bicubic to enlarge."""

    low: float
    high: float

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        ratio = float(rng.uniform(self.low, self.high))
        size = (int(label.shape[0] * ratio), int(label.shape[1] * ratio))
        how = Filter.LANCZOS if ratio < 1 else Filter.BICUBIC
        return _resize_image(image, size, how), _resize_label(label, size)


@dataclass(frozen=True)
class RandomRotate:
    """
    Turns by whole degrees, up to `degrees` either way, and keeps the size: the image goes on beyond
    its border as in a mirror, the label as `ignore_label`.
    """

    degrees: int
    ignore_label: int

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        angle = int(rng.integers(-self.degrees, self.degrees + 1))
        height, width = label.shape
        inside = np.s_[height : 2 * height, width : 2 * width]
        rows, columns = (mirrored(length, length, length) for length in label.shape)
        around = ((height, height), (width, width))
        padded = np.pad(label, around, constant_values=self.ignore_label)
        turned = Image.fromarray(image[np.ix_(rows, columns)]).rotate(angle, Filter.BILINEAR)
        labels = Image.fromarray(padded.astype(np.int32)).rotate(angle, Filter.NEAREST)
        return np.asarray(turned)[inside], np.asarray(labels)[inside].astype(np.int64)


@dataclass(frozen=True)
class RandomBlur:
    """Gaussian blur, half of the time, of a radius (pixels) drawn from 0..`radius`."""

    radius: float

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        if rng.random() < 0.5:
            blur = ImageFilter.GaussianBlur(rng.uniform(0, self.radius))
            image = np.asarray(Image.fromarray(image).filter(blur))
        return image, label


def _short_edge(height: int, width: int, side: int) -> tuple[int, int]:
    return int(height * side / min(height, width)), int(width * side / min(height, width))


def _resize_image(image: np.ndarray, size: tuple[int, int], how: Filter) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize(size[::-1], how))


def _resize_label(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    resized = Image.fromarray(label.astype(np.int32)).resize(size[::-1], Filter.NEAREST)
    return np.asarray(resized).astype(np.int64)


def mirrored(length: int, before: int, after: int) -> np.ndarray:
    """
    Which of `length` rows continue an image of that many as in a mirror; the last is repeated, the
    first is not.
    """
    rows = np.concatenate(
        [np.arange(before, 0, -1), np.arange(length), length - 1 - np.arange(after)]
    )
    return rows.clip(0, length - 1)
