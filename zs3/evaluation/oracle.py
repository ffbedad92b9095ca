"""
What eigenvectors would bring if the labels chose among them: the fusion of the published SAZS
(arXiv 2304.08491) in multi-class evaluation. An upper bound, never a prediction.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ..files import write_atomically
from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .confusion import harmonic_mean, mean
from .episodes import best_mask, episode_iou, episode_pixels
from .masks import Masks
from .processes import sum_over_processes
from .report import metrics_json

logger = logging.getLogger(__name__)

FILE = "oracle.json"


class Oracle:
    """
    Observes an evaluation: for every class that an image shows, the prediction's mask or the mask
    that overlaps the truth better is counted. Writes oracle.json.

    Args:
        vocabulary: of the labels.
        masks: of an image.
        directory: where to write.
    """

    def __init__(self, vocabulary: Vocabulary, *, masks: Masks, directory: str | Path) -> None:
        self.vocabulary = vocabulary
        self.masks = masks
        self.directory = Path(directory)
        self.reset()

    def reset(self) -> None:
        self._pixels = np.zeros((2, 2, len(self.vocabulary)), np.int64)

    def see(
        self,
        file: str,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        confusion: np.ndarray,
    ) -> None:
        masks = self.masks(file, image, truth.shape)
        shown = truth[truth != IGNORE]
        for label in np.union1d(labels[labels < len(self.vocabulary)], shown):
            target = np.where(truth == IGNORE, np.int64(IGNORE), truth == label)
            pixels = [episode_pixels(target, (labels == label).astype(np.int64))]
            if (target == 1).any():
                pixels += [episode_pixels(target, mask) for mask in masks]
            self._pixels[..., int(label)] += pixels[best_mask(pixels)]

    def scores(self) -> dict[str, float]:
        """IoU in percent: mIoU and IoU-<name>; of a split also S-mIoU, U-mIoU and hIoU."""
        values, is_seen = episode_iou(self._pixels), np.array(self.vocabulary.is_seen)
        scores = {"mIoU": mean(values)}
        if is_seen.any() and not is_seen.all():
            seen, unseen = mean(values[is_seen]), mean(values[~is_seen])
            scores |= {"S-mIoU": seen, "U-mIoU": unseen, "hIoU": harmonic_mean(seen, unseen)}
        by_name = zip(self.vocabulary.names, values.tolist(), strict=True)
        return scores | {f"IoU-{name}": value for name, value in by_name}

    def finish(self) -> None:
        sum_over_processes(self._pixels)
        if not comm.is_main_process():
            return
        scores = self.scores()
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self.directory / FILE, metrics_json({"oracle": scores}).encode())
        logger.info("an oracle that chooses with the labels would reach mIoU %.1f", scores["mIoU"])
