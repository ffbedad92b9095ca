"""The images a model does best and worst on, kept as small pictures while it is evaluated."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any  # JSON

import numpy as np

from ..files import write_atomically
from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .confusion import iou, mean, predicted_pixels
from .pictures import palette
from .thumbnails import thumbnails

IMAGES = "images.json"
Entry = dict[str, Any]


class Gallery:
    """
    An observer of an evaluation that writes images.json: the mean IoU of every image, over the
    classes it shows, and pictures of the best and worst. Of each process 2 * `count` are in memory.

    Args:
        directory: where to write.
        vocabulary: of the labels.
        colours: (K, 3) uint8 RGB for label maps.
        ignore_label: what pixels without a label have.
        count: best images, and worst images, to keep.
        side: the longer side of the pictures, at most (pixels).
    """

    def __init__(
        self,
        directory: str | Path,
        vocabulary: Vocabulary,
        *,
        colours: np.ndarray | None = None,
        ignore_label: int = IGNORE,
        count: int = 6,
        side: int = 256,
    ) -> None:
        self.directory = Path(directory)
        self.vocabulary = vocabulary
        self.colours = palette(len(vocabulary)) if colours is None else colours
        self.ignore_label = ignore_label
        self.count = count
        self.side = side
        self.reset()

    def reset(self) -> None:
        self._scores: dict[str, float] = {}
        self._best: list[Entry] = []
        self._worst: list[Entry] = []

    def see(
        self,
        file: str,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        confusion: np.ndarray,
    ) -> None:
        """Arguments as for any `Observer`; an image without a labelled pixel is passed over."""
        score = image_score(confusion)
        if math.isnan(score):
            return
        self._scores[file] = score
        entry: Entry = {"file": file, "mIoU": score}
        best = sorted([*self._best, entry], key=_from_best)[: self.count]
        worst = sorted([*self._worst, entry], key=_from_worst)[: self.count]
        if entry in best or entry in worst:
            entry |= self._described(image, truth, labels, confusion)
            self._best, self._worst = best, worst

    def shown(self, scores: Mapping[str, float]) -> set[str]:
        """Of images with these scores, the files of those that pictures are kept of."""
        entries: list[Entry] = [{"file": file, "mIoU": score} for file, score in scores.items()]
        orders = (sorted(entries, key=key)[: self.count] for key in (_from_best, _from_worst))
        return {entry["file"] for order in orders for entry in order}

    def add_scores(self, scores: Mapping[str, float]) -> None:
        """Of images by file; it needs to see no other of them than those that are `shown`."""
        self._scores |= scores

    def finish(self) -> None:
        """Gathers from all processes; the main one writes."""
        shares = comm.gather((self._scores, self._best, self._worst))
        if not comm.is_main_process():
            return
        scores = dict(sorted(chain.from_iterable(own.items() for own, _, _ in shares)))
        best = sorted(chain.from_iterable(own for _, own, _ in shares), key=_from_best)
        worst = sorted(chain.from_iterable(own for _, _, own in shares), key=_from_worst)
        # Of few images none is both among the best and among the worst.
        content = {
            "scores": scores,
            "best": best[: min(self.count, len(scores) // 2)],
            "worst": worst[: min(self.count, len(scores) - len(scores) // 2)],
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.directory / IMAGES, text.encode())

    def _described(
        self, image: np.ndarray, truth: np.ndarray, labels: np.ndarray, confusion: np.ndarray
    ) -> Entry:
        """Pixel accuracy, the classes of either map (the largest first), and the pictures."""
        pixels, per_class = predicted_pixels(confusion) + confusion.sum(1), iou(confusion)
        occurring = np.argsort(-pixels, kind="stable")[: np.count_nonzero(pixels)]
        return {
            "pAcc": round(float(100 * np.trace(confusion) / confusion.sum()), 4),
            "classes": [
                {
                    "name": self.vocabulary.names[k],
                    "colour": "#{:02x}{:02x}{:02x}".format(*self.colours[k]),
                    "IoU": None if math.isnan(per_class[k]) else round(float(per_class[k]), 4),
                }
                for k in occurring
            ],
            "pictures": thumbnails(
                image,
                truth,
                labels,
                self.colours,
                is_seen=np.array(self.vocabulary.is_seen),
                ignore=self.ignore_label,
                side=self.side,
            ),
        }


def image_score(confusion: np.ndarray) -> float:
    """Mean IoU (percent) of an image over the classes it shows; NaN without a labelled pixel."""
    return round(mean(iou(confusion)), 4)


def _from_best(entry: Entry) -> tuple[float, str]:
    return -entry["mIoU"], entry["file"]


def _from_worst(entry: Entry) -> tuple[float, str]:
    return entry["mIoU"], entry["file"]
