"""What a segmented image is: labels, scores, pictures and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Hugging Face's output is a plain dict

import cv2
import numpy as np
from PIL import Image

from ..evaluation.pictures import overlay, save_label_png, save_png
from ..files import write_atomically
from ..vocabulary import IGNORE
from .colours import class_colours

_ROWS_A_TIME = 1024


@dataclass(frozen=True)
class Segmentation:
    """
    One segmented image.

    Attributes:
        image: (h, w, 3) uint8 RGB, upright. A photo of more than `WORKING_PIXELS` (predictor.py) is
            reduced to that; any other has its own size.
        labels: (H, W) uint16 at the photo's own size, index into `names`; IGNORE (65535) for none
            of them.
        names: the classes that were asked for, then those that count as none.
        scores: (K, h, w) float32, or None if they were not asked for.
        file: the image's file, if it has one.
    """

    image: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    scores: np.ndarray | None = None
    file: Path | None = None

    @property
    def found(self) -> dict[str, float]:
        """
        Share of the pixels (0..1) of every class that occurs, the largest first. What is missing to
        1 is none of them.
        """
        pixels = np.zeros(IGNORE + 1, np.int64)
        for top in range(0, len(self.labels), _ROWS_A_TIME):  # a sum, because it copies as int64
            rows = self.labels[top : top + _ROWS_A_TIME]
            pixels += np.bincount(rows.ravel(), minlength=len(pixels))
        order = np.argsort(-pixels[: len(self.names)], kind="stable")
        return {self.names[k]: float(pixels[k] / self.labels.size) for k in order if pixels[k]}

    def overlay(self, alpha: float = 0.55) -> np.ndarray:
        """
        The image under its labels with a legend: (H', W', 3) uint8 RGB. `alpha` is the opacity of
        the labels.
        """
        labels = resized(self.labels, self.image.shape[:2])
        return overlay(self.image, labels, self.names, class_colours(self.names), alpha=alpha)

    def save(self, path: str | Path) -> None:
        """
        Writes the labels as a PNG: 8 bits with a palette and 255 for none, or for more than 255
        classes 16 bits and 65535. Raises ValueError for a file name that does not end in .png.
        """
        save_label_png(path, self.labels, class_colours(self.names))

    def save_overlay(self, path: str | Path, alpha: float = 0.55) -> None:
        """Writes `overlay()` as a PNG. Raises ValueError as `save`."""
        save_png(path, self.overlay(alpha))

    def save_scores(self, path: str | Path) -> None:
        """
        Writes `scores` (K, h, w) as float16 and `names` (K,) into a compressed .npz.

        Raises:
            ValueError: there are no scores, or the file name does not end in .npz.
        """
        if self.scores is None:
            raise ValueError("there are no scores to save; ask for them: segment(scores=True).")
        if Path(path).suffix != ".npz":
            raise ValueError(f"scores are written as NPZ, so {str(path)!r} must end in .npz.")
        scores, names = self.scores.astype(np.float16), np.array(self.names)
        write_atomically(path, lambda file: np.savez_compressed(file, scores=scores, names=names))

    def to_hf(self) -> list[dict[str, Any]]:
        """
        What Hugging Face's image-segmentation pipeline returns: for every class that occurs, in
        label order, its "label" (name), "mask" (a PIL image of mode L and the photo's size, 255
        inside) and "score" (the mean score inside the mask; None without scores).
        """
        segments = []
        for k, name in enumerate(self.names):
            mask = self.labels == k
            if mask.any():
                picture = Image.fromarray(mask.astype(np.uint8) * 255)
                segments.append({"label": name, "score": self._score(k), "mask": picture})
        return segments

    def _score(self, k: int) -> float | None:
        if self.scores is None:
            return None
        scores = self.scores[k]
        inside = scores[resized(self.labels, scores.shape) == k]
        return float(inside.mean() if inside.size else scores.max())


def resized(labels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(H, W) labels of at most 16 bits -> (h, w), every pixel that of the nearest one."""
    if labels.shape == size:
        return labels
    return cv2.resize(
        labels.astype(np.uint16), (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT
    )
