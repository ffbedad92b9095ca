"""
What calibrated stacking (see `SeenBias`) would do at every gamma, from one pass over a dataset.

Subtracting gamma from the seen classes changes which of two answers a pixel gives, and never what
these are: its best seen and its best unseen class (see `Rivals`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..vocabulary import IGNORE
from .confusion import iou_of, mean
from .curve import Curve
from .measure import Measure

if TYPE_CHECKING:  # it imports CLIP, which whoever only scores files need not wait for
    from .rivals import Rivals

RIVALS = "rivals"


class Calibration(Measure):
    """
    Counts pixels for a curve of hIoU over gamma.

    Args:
        gammas: of the curve, in the units of the scores.
        num_classes: K.
        offset: the gamma that the scores have in them already.

    Attributes:
        counts: (G, 3, K) int64 pixels of every class, at every gamma, that are right, labelled and
            predicted.

    Raises:
        ValueError: no gammas.
    """

    def __init__(self, gammas: Sequence[float], num_classes: int, offset: float = 0.0) -> None:
        if not gammas:
            raise ValueError("a calibration curve needs a gamma at least.")
        self.gammas = sorted(set(map(float, gammas)))
        self.offset = offset
        self.counts = np.zeros((len(self.gammas), 3, num_classes), np.int64)

    def add(self, truth: np.ndarray, labels: np.ndarray, output: Mapping[str, Any]) -> None:
        """As `Measure.add`; `output` has the image's `Rivals` under RIVALS."""
        rivals: Rivals = output[RIVALS]
        # Once the seen class has lost, it does not win at a higher gamma: their number says it all.
        wins = torch.zeros_like(rivals.labels[0])
        for gamma in self.gammas:
            wins += rivals.seen_wins(gamma - self.offset)
        labelled = truth != IGNORE
        truth, lost = truth[labelled], wins.cpu().numpy()[labelled]
        num_classes = self.counts.shape[2]
        self.counts[:, 1] += np.bincount(truth, minlength=num_classes)
        for group, answers in enumerate(rivals.labels.cpu().numpy()):
            answers = answers[labelled]
            right = answers == truth
            self.counts[:, 0] += self._pixels(group, lost[right], answers[right])
            self.counts[:, 2] += self._pixels(group, lost, answers)

    def _pixels(self, group: int, lost: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """(G, K): how many pixels give an answer of one group (0 is seen) at every gamma."""
        count, num_classes = len(self.gammas), self.counts.shape[2]
        pixels = np.bincount(lost * num_classes + answers, minlength=(count + 1) * num_classes)
        pixels = pixels.reshape(count + 1, num_classes)  # by the first gamma at which seen has lost
        if group == 0:
            return pixels[::-1].cumsum(0)[::-1][1:]
        return pixels.cumsum(0)[:-1]

    def curve(self, is_seen: np.ndarray) -> Curve:
        """hIoU over gamma; `is_seen` is (K,) bool."""
        found, truth, predicted = self.counts.swapaxes(0, 1)
        per_class = iou_of(found, truth, predicted)
        seen, unseen = (
            [mean(values) for values in per_class[:, group]] for group in (is_seen, ~is_seen)
        )
        return Curve(self.gammas, seen, unseen)

    def files(self, is_seen: np.ndarray) -> dict[str, bytes]:
        """See `Curve.files`. The best gamma's scores are no result, and in no table."""
        return self.curve(is_seen).files()
