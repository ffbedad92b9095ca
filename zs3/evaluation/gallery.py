"""The first images of an evaluation with truth and prediction, as pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..vocabulary import IGNORE, Vocabulary
from .pictures import comparison, palette, save_png


class Gallery:
    """
    Args:
        folder: where NNN_NAME.png go; made when there is one.
        limit: how many pictures to draw; those of further images are not.
        vocabulary: of the labels.
        colours: (K, 3) uint8 RGB.
    """

    def __init__(
        self, folder: Path, limit: int, vocabulary: Vocabulary, colours: np.ndarray | None = None
    ) -> None:
        self.folder = folder
        self.limit = limit
        self.vocabulary = vocabulary
        self.colours = palette(len(vocabulary)) if colours is None else colours
        self.drawn = 0

    def add(self, name: str, image: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> None:
        """
        Args:
            name: file name of the image.
            image: (h, w, 3) RGB 0..255, perhaps of another size than the labels.
            truth: (H, W) classes 0..K-1, or IGNORE.
            labels: (H, W) predicted; K and above are no class.
        """
        if self.drawn >= self.limit:
            return
        size = (truth.shape[1], truth.shape[0])
        picture = comparison(
            cv2.resize(image.astype(np.uint8), size, interpolation=cv2.INTER_AREA),
            truth,
            np.where(labels < len(self.vocabulary), labels, np.int64(IGNORE)),
            self.vocabulary.names,
            self.colours,
            unseen=self.vocabulary.unseen,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        save_png(self.folder / f"{self.drawn:03d}_{Path(name).stem}.png", picture)
        self.drawn += 1
