"""
Scores of episodes, each of which looks for one class in one image: PASCAL-5i and COCO-20i.

Intersections and unions are summed over all episodes of a class. Side 0 is everything else, side 1
the class. Scores are percentages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .confusion import percent

VOID = 2  # of a target, beside the sides 0 and 1


@dataclass(frozen=True)
class Overlap:
    """
    Attributes:
        inter, union: (2,) int64 pixels, by side.
    """

    inter: np.ndarray
    union: np.ndarray

    @classmethod
    def of(cls, mask: np.ndarray, target: np.ndarray, *, void_counts: bool = False) -> Overlap:
        """
        Args:
            mask: (H, W) 0 or 1; of other values a pixel is on no side.
            target: (H, W) 0, 1 or VOID.
            void_counts: what is predicted at void pixels enlarges the union, as in the evaluation
                of the published SAZS.
        """
        if not void_counts:
            mask = np.where(target == VOID, VOID, mask)
        areas = [[np.count_nonzero(x == side) for side in (0, 1)] for x in (mask, target)]
        inter = np.array([np.count_nonzero((mask == side) & (target == side)) for side in (0, 1)])
        return cls(inter, np.sum(areas, 0) - inter)

    @property
    def iou(self) -> float:
        """Of the class, 0..1; 0 where neither has it."""
        return float(self.inter[1] / max(self.union[1], 1))


def oracle_choice(network: Overlap, masks: Sequence[Overlap]) -> int:
    """
    Which mask overlaps the truth best: the fusion of the published SAZS. It looks at the labels, so
    what it gives is an upper bound and no prediction.

    Returns:
        int: index of the first best of `masks`; -1 if none is better than the network's.
    """
    ious = [mask.iou for mask in masks]
    best = int(np.argmax(ious))
    return -1 if network.iou >= ious[best] else best


class EpisodeScores:
    """
    Args:
        names: all class names, of which episodes ask about some.

    Attributes:
        inter, union: (2, K) int64 pixels, by side and class.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.inter, self.union = np.zeros((2, 2, len(names)), np.int64)

    def add(self, label: int, overlap: Overlap) -> None:
        """Counts an episode about the class of this label."""
        self.inter[:, label] += overlap.inter
        self.union[:, label] += overlap.union

    def iou(self) -> np.ndarray:
        """(2, K)."""
        return percent(self.inter, np.maximum(self.union, 1), True)

    def summary(self, novel: Sequence[str]) -> dict[str, float]:
        """
        Args:
            novel: names of the classes that count; one without an episode counts 0.

        Returns:
            dict: mIoU, FB-IoU (the mean over the two sides, each summed over classes), IoU-<name>.
        """
        chosen = [self.names.index(name) for name in novel]
        per_class = self.iou()[1, chosen]
        inter, union = self.inter[:, chosen].sum(1), self.union[:, chosen].sum(1)
        return {
            "mIoU": float(per_class.mean()),
            "FB-IoU": float(percent(inter, np.maximum(union, 1), True).mean()),
            **{f"IoU-{name}": float(v) for name, v in zip(novel, per_class, strict=True)},
        }
