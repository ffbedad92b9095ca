"""
What eigenvectors would bring if the labels chose among them, as in the fusion of the published SAZS
(arXiv 2304.08491), in multi-class evaluation. An upper bound, never a prediction.

The published rule takes the mask with the highest IoU, image by image. That is no bound for the IoU
of a dataset, and lowers that of a good model: where it misses a class, a mask that is nearly all
wrong has the higher IoU, and a large union. Here the choice is the one that is best for the sums.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from ..files import write_atomically
from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .confusion import harmonic_mean, mean
from .episodes import episode_pixels
from .masks import Masks
from .report import metrics_json

logger = logging.getLogger(__name__)

FILE = "oracle.json"


class Oracle:
    """
    Observes an evaluation: for every class that an image shows, the prediction's mask or another
    one is counted, whatever is better for the class's IoU over all images. Writes oracle.json.

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
        # For every class (M, 2) pixels of its M masks in an image: intersection and union.
        self._choices: list[list[np.ndarray]] = [[] for _ in self.vocabulary.names]

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
            self._choices[int(label)].append(np.stack(pixels)[..., 1])

    def scores(self) -> dict[str, float]:
        """IoU in percent: mIoU and IoU-<name>; of a split also S-mIoU, U-mIoU and hIoU."""
        values = np.array([best_iou(choices) for choices in self._choices])
        is_seen = np.array(self.vocabulary.is_seen)
        scores = {"mIoU": mean(values)}
        if is_seen.any() and not is_seen.all():
            seen, unseen = mean(values[is_seen]), mean(values[~is_seen])
            scores |= {"S-mIoU": seen, "U-mIoU": unseen, "hIoU": harmonic_mean(seen, unseen)}
        by_name = zip(self.vocabulary.names, values.tolist(), strict=True)
        return scores | {f"IoU-{name}": value for name, value in by_name}

    def finish(self) -> None:
        shares = comm.all_gather(self._choices)
        self._choices = [list(chain(*each)) for each in zip(*shares, strict=True)]
        if not comm.is_main_process():
            return
        scores = self.scores()
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self.directory / FILE, metrics_json({"oracle": scores}).encode())
        logger.info("an oracle that chooses with the labels would reach mIoU %.1f", scores["mIoU"])


def best_iou(choices: Sequence[np.ndarray]) -> float:
    """
    The highest IoU (%) that one mask an image can reach when intersections and unions are summed.

    Args:
        choices: (M, 2) pixels of every image's masks, intersection and union.

    Returns:
        float: NaN without any pixel.
    """
    iou = -1.0
    while True:  # Dinkelbach's: the best for I - iou U is better than iou, or iou is the best
        sums = sum((each[np.argmax(each @ (1, -iou))] for each in choices), np.zeros(2))
        if not sums[1]:
            return float("nan")
        if sums[0] / sums[1] <= iou:
            return 100 * iou
        iou = sums[0] / sums[1]
