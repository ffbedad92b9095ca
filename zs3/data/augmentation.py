"""
Random changes of an image and its label map, and of both alike.

Each is a small frozen object called with (image (H, W, 3) uint8, label (H, W) int64, rng), that
returns the new pair and never writes into what it was given. All chance comes from `rng`: one numpy
Generator a sample, so a sample is a pure function of the generator's seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.random import Generator
from PIL import Image
from torch.nn import functional as F

Pair = tuple[np.ndarray, np.ndarray]

IMAGE_FILL = 128  # grey: what published mappers pad training images with
_CROP_TRIES = 10


class Augmentation(Protocol):
    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair: ...


class Resize(Protocol):
    def size(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) that an image of this size gets in prediction."""

    def image(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (h, w, 3), what a model is given in prediction."""


@dataclass(frozen=True)
class ResizeShortestEdge:
    """
    Resizes to a random length of the shorter side, keeping the ratio.

    Args:
        sizes: lengths (pixels) to choose from, or (min, max) of a range; 0 keeps the size.
        max_size: the longer side stays below it, even if the shorter one then misses its length.
        sampling: "choice" or "range", as INPUT.MIN_SIZE_TRAIN_SAMPLING.
        antialias: smooth what shrinks (Pillow); otherwise it is sampled (OpenCV).
    """

    sizes: Sequence[int]
    max_size: int
    sampling: str = "choice"
    antialias: bool = True

    def __post_init__(self) -> None:
        _expect_one_of("INPUT.MIN_SIZE_TRAIN_SAMPLING", self.sampling, ("choice", "range"))
        if not self.sizes or (self.sampling == "range" and len(self.sizes) != 2):
            expected = (
                "two lengths, min and max" if self.sampling == "range" else "a length or more"
            )
            raise ValueError(f"INPUT.MIN_SIZE_TRAIN is {self.sizes!r}; expected {expected}.")

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        if self.sampling == "range":
            shortest = int(rng.integers(self.sizes[0], self.sizes[1] + 1))
        else:
            shortest = int(rng.choice(self.sizes))
        size = shortest_edge_size(image.shape[0], image.shape[1], shortest, self.max_size)
        return self._resized(image, size), resize_label(label, size)

    def image(self, image: np.ndarray) -> np.ndarray:
        """Resizes an image alone."""
        return self._resized(image, self.size(*image.shape[:2]))

    def _resized(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return resize_image(image, size) if self.antialias else cv2.resize(image, size[::-1])

    def size(self, height: int, width: int) -> tuple[int, int]:
        """By the first of `sizes`: in prediction there is only one."""
        return shortest_edge_size(height, width, self.sizes[0], self.max_size)


def shortest_edge_size(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """(H, W) with the shorter side `shortest`, or less where a side would pass `longest`."""
    if shortest == 0:
        return height, width
    scale = shortest / min(height, width)
    # The shorter side is exactly `shortest`, whatever rounding would make of scale times it.
    new_height, new_width = [
        float(shortest) if side == min(height, width) else side * scale for side in (height, width)
    ]
    if max(new_height, new_width) > longest:
        shrink = longest / max(new_height, new_width)
        new_height, new_width = new_height * shrink, new_width * shrink
    return max(int(new_height + 0.5), 1), max(int(new_width + 0.5), 1)


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 -> (h, w, 3) uint8, bilinear with antialiasing (Pillow's)."""
    if image.shape[:2] == tuple(size):
        return image
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def resize_label(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) int64 -> (h, w) int64; row i is row floor(i * H / h), which is not Pillow's rule."""
    if label.shape == tuple(size):
        return label
    pixels = torch.from_numpy(np.ascontiguousarray(label))[None, None].double()
    return F.interpolate(pixels, size=size, mode="nearest")[0, 0].long().numpy()


@dataclass(frozen=True)
class Stretch:
    """Resizes to side x side pixels, whatever the ratio was; 0 keeps the size."""

    side: int

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        size = self.size(label.shape[0], label.shape[1])
        return resize_image(image, size), resize_label(label, size)

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.side or height, self.side or width

    def image(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (side, side, 3) uint8, with antialiasing."""
        return resize_image(image, self.size(image.shape[0], image.shape[1]))


@dataclass(frozen=True)
class RandomCrop:
    """
    Cuts out a window at a random place.

    Args:
        kind: how `size` is meant. "absolute": (height, width) in pixels, cut to the image's;
            "relative": shares of the image's; "relative_range": at least these shares, drawn for
            each side; "absolute_range": both sides drawn between size[0] and size[1] pixels.
        size: two numbers.
        max_share: drawn again, up to 10 times in all, while the window shows one label only or one
            label covers at least this share of its labelled pixels; 1.0 accepts any window.
        ignore_label: a pixel with it is not labelled.
    """

    kind: str
    size: Sequence[float]
    max_share: float = 1.0
    ignore_label: int = 255

    def __post_init__(self) -> None:
        kinds = ("absolute", "absolute_range", "relative", "relative_range")
        _expect_one_of("INPUT.CROP.TYPE", self.kind, kinds)
        upper = 1 if self.kind.startswith("relative") else float("inf")
        in_order = self.kind != "absolute_range" or self.size[0] <= self.size[-1]
        if len(self.size) != 2 or not all(0 < side <= upper for side in self.size) or not in_order:
            raise ValueError(
                f"INPUT.CROP.SIZE is {self.size!r}; {self.kind!r} expects "
                + ("two shares above 0 and up to 1." if upper == 1 else "two lengths in pixels.")
            )

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        for _ in range(_CROP_TRIES):
            height, width = self._window_size(label.shape[0], label.shape[1], rng)
            top = int(rng.integers(label.shape[0] - height + 1))
            left = int(rng.integers(label.shape[1] - width + 1))
            window = np.s_[top : top + height, left : left + width]
            if self.max_share >= 1 or self._is_varied(label[window]):
                break
        return image[window], label[window]

    def _window_size(self, height: int, width: int, rng: Generator) -> tuple[int, int]:
        a, b = self.size
        if self.kind == "absolute":
            return min(int(a), height), min(int(b), width)
        if self.kind == "absolute_range":
            low, high = int(a), int(b)
            return (
                int(rng.integers(min(height, low), min(height, high) + 1)),
                int(rng.integers(min(width, low), min(width, high) + 1)),
            )
        if self.kind == "relative_range":
            a, b = rng.uniform(a, 1), rng.uniform(b, 1)
        return max(int(height * a + 0.5), 1), max(int(width * b + 0.5), 1)

    def _is_varied(self, label: np.ndarray) -> bool:
        _, pixels = np.unique(label[label != self.ignore_label], return_counts=True)
        return len(pixels) > 1 and pixels.max() < self.max_share * pixels.sum()


@dataclass(frozen=True)
class SSDColorJitter:
    """
    SSD's photometric distortion (arXiv 1512.02325): brightness, contrast, saturation and hue.

    Each happens half of the time. Contrast comes before saturation and hue, or after them; values
    are cut to 0..255 after each step.

    Args:
        brightness: added, up to this much either way.
        contrast, saturation: (low, high) of the factor.
        hue: turned by up to this much either way; 180 is the full circle.
    """

    brightness: float = 32
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: int = 18

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        if rng.random() < 0.5:
            image = _linear(image, offset=rng.uniform(-self.brightness, self.brightness))
        steps = [self._saturate, self._turn_hue]
        steps.insert(0 if rng.random() < 0.5 else 2, self._contrast)
        for step in steps:
            if rng.random() < 0.5:
                image = step(image, rng)
        return image, label

    def _contrast(self, image: np.ndarray, rng: Generator) -> np.ndarray:
        return _linear(image, rng.uniform(*self.contrast))

    def _saturate(self, image: np.ndarray, rng: Generator) -> np.ndarray:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv[..., 1] = _linear(hsv[..., 1], rng.uniform(*self.saturation))
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)

    def _turn_hue(self, image: np.ndarray, rng: Generator) -> np.ndarray:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)  # hue 0..179
        hsv[..., 0] = (hsv[..., 0].astype(int) + rng.integers(-self.hue, self.hue + 1)) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _linear(values: np.ndarray, gain: float = 1.0, offset: float = 0.0) -> np.ndarray:
    return np.clip(values.astype(np.float32) * gain + offset, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class RandomFlip:
    """
    Mirrors left and right ("horizontal"), top and bottom ("vertical"), both independently of each
    other ("both"), or not at all ("none").

    Args:
        probability: of each of the mirrorings.
    """

    direction: str
    probability: float = 0.5

    def __post_init__(self) -> None:
        _expect_one_of(
            "INPUT.RANDOM_FLIP", self.direction, ("none", "horizontal", "vertical", "both")
        )

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        for axis, direction in enumerate(("vertical", "horizontal")):
            if self.direction in (direction, "both") and rng.random() < self.probability:
                image, label = np.flip(image, axis), np.flip(label, axis)
        return image, label


@dataclass(frozen=True)
class PadTo:
    """
    Extends at the right and bottom to at least `side` pixels, with `fill` and `ignore_label`.

    Args:
        fill: a grey level of uint8; or a colour, for which images become float32.
    """

    side: int
    ignore_label: int
    fill: int | Sequence[float] = IMAGE_FILL

    def __call__(self, image: np.ndarray, label: np.ndarray, rng: Generator) -> Pair:
        size = [max(self.side, length) for length in label.shape]
        dtype = image.dtype if isinstance(self.fill, int) else np.float32
        extended = (
            np.full((*size, 3), self.fill, dtype),
            np.full(size, self.ignore_label, label.dtype),
        )
        for whole, part in zip(extended, (image, label), strict=True):
            whole[: part.shape[0], : part.shape[1]] = part
        return extended


def _expect_one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{key} is {value!r}; expected one of {', '.join(known)}.")
