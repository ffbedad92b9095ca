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


@dataclass(frozen=True)
class Segmentation:
    """
    One segmented image.

    Attributes:
        image: (h, w, 3) uint8 RGB, upright. A photo of more than `WORKING_PIXELS` (predictor.py) is
            reduced to that; any other has its own size.
        label_map: (h, w) labels, index into `names`; IGNORE (65535) for none of them.
        names: the classes that were asked for, then those that count as none.
        scores: (K, h, w) float32, or None if they were not asked for.
        size: (H, W) of the photo; None if it was not reduced.
        file: the image's file, if it has one.
    """

    image: np.ndarray
    label_map: np.ndarray
    names: tuple[str, ...]
    scores: np.ndarray | None = None
    size: tuple[int, int] | None = None
    file: Path | None = None

    @property
    def labels(self) -> np.ndarray:
        """(H, W) uint16 labels at the photo's own size; every pixel has the nearest one."""
        labels = self.label_map.astype(np.uint16, copy=False)
        if self.size in (None, labels.shape):
            return labels
        height, width = self.size
        return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)

    @property
    def found(self) -> dict[str, float]:
        """
        Share of `label_map` (0..1) of every class that occurs, the largest first. What is missing
        to 1 is none of them.
        """
        pixels = np.bincount(self.label_map.ravel(), minlength=len(self.names))[: len(self.names)]
        order = np.argsort(-pixels, kind="stable")
        return {self.names[k]: float(pixels[k] / self.label_map.size) for k in order if pixels[k]}

    def overlay(self, alpha: float = 0.55) -> np.ndarray:
        """
        The image under its labels with a legend: (H', W', 3) uint8 RGB. `alpha` is the opacity of
        the labels.
        """
        return overlay(
            self.image, self.label_map, self.names, class_colours(self.names), alpha=alpha
        )

    def save(self, path: str | Path) -> None:
        """
        Writes the labels as a PNG: 8 bits with a palette and 255 for none, or for more than 255
        classes 16 bits and 65535. Raises ValueError for a file name that does not end in .png.
        """
        save_label_png(path, self.label_map, class_colours(self.names), self.size)

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
        segments, labels = [], self.labels
        for k in np.unique(self.label_map[self.label_map != IGNORE]):
            inside = self.label_map == k
            score = None if self.scores is None else float(self.scores[k][inside].mean())
            mask = Image.fromarray((labels == k).astype(np.uint8) * 255)
            segments.append({"label": self.names[k], "score": score, "mask": mask})
        return segments
