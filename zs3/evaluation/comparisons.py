"""The first images of an evaluation beside truth and prediction, as PNG files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .pictures import comparison, palette, save_png


class Comparisons:
    """
    An observer of an evaluation that draws, on the main process.

    Args:
        folder: where NNN_NAME.png go; made when there is one.
        limit: how many pictures to draw.
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
        self.reset()

    def reset(self) -> None:
        self._drawn = 0

    def see(
        self,
        file: str,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        confusion: np.ndarray,
    ) -> None:
        """Arguments as for any `Observer`."""
        if self._drawn >= self.limit or not comm.is_main_process():
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
        save_png(self.folder / f"{self._drawn:03d}_{Path(file).stem}.png", picture)
        self._drawn += 1

    def finish(self) -> None:
        """Every picture is written at once."""
