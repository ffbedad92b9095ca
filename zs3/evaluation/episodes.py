"""
Episodes of PASCAL-5i and COCO-20i: one class against all others, in one image.

Counts are kept apart for the two answers, the class ("foreground") and all else ("background"), and
for every class, over all of its episodes. Published evaluators differ in what they do about pixels
without a label and about classes without an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..vocabulary import IGNORE
from .confusion import mean, percent
from .protocols import STANDARD


@dataclass(frozen=True)
class EpisodeProtocol:
    """
    Attributes:
        size: as `Protocol.size`.
        void_counts: pixels without a label are taken out of the label map alone, so that what is
            predicted there enlarges a union; else out of the prediction, too.
        absent: IoU (%) of a class that neither occurs nor is predicted; NaN leaves it out of the
            mean.
        oracle: scores the mask that fits the truth best, among the prediction and masks given
            besides: an upper bound for choosing between them, nothing that could predict.
    """

    size: str = "label"
    void_counts: bool = False
    absent: float = float("nan")
    oracle: bool = False


ORACLE = "sazs_oracle"
EPISODE_PROTOCOLS = {
    STANDARD: EpisodeProtocol(),
    "lseg": EpisodeProtocol(size="input", absent=0.0),
    "sazs": EpisodeProtocol(void_counts=True, absent=0.0),
    ORACLE: EpisodeProtocol(void_counts=True, absent=0.0, oracle=True),
}


def episode_pixels(target: np.ndarray, mask: np.ndarray, void_counts: bool = False) -> np.ndarray:
    """
    Args:
        target: (H, W), 1 where the class is, 0 elsewhere, IGNORE without a label.
        mask: (H, W), 1 where it is predicted and 0 elsewhere; other values are neither.
        void_counts: as `EpisodeProtocol.void_counts`.

    Returns:
        np.ndarray: (2, 2) int64 pixels: intersection and union (rows) of background and foreground.

    Raises:
        ValueError: different sizes.
    """
    if target.shape != mask.shape:
        raise ValueError(
            f"the prediction is {mask.shape}, but its label map is {target.shape}; predict at the "
            "size of the label map."
        )
    if not void_counts:
        mask = np.where(target == IGNORE, np.int64(IGNORE), mask)
    shared = [np.count_nonzero((target == k) & (mask == k)) for k in (0, 1)]
    areas = [np.count_nonzero(target == k) + np.count_nonzero(mask == k) for k in (0, 1)]
    return np.array([shared, np.subtract(areas, shared)])


def best_mask(pixels: Sequence[np.ndarray]) -> int:
    """
    Index of the mask whose foreground has the highest IoU with the truth, the first of several.

    Args:
        pixels: what `episode_pixels` gives for every mask.
    """
    return int(np.argmax([shared[1] / max(union[1], 1) for shared, union in pixels]))


def episode_scores(pixels: np.ndarray, absent: float = float("nan")) -> dict[str, float]:
    """
    Args:
        pixels: (2, 2, n), `episode_pixels` summed over each class's episodes.
        absent: as `EpisodeProtocol.absent`.

    Returns:
        dict: mIoU, the mean over classes of the foreground's IoU; FB-IoU, the mean of background's
        and foreground's, of which the pixels of all classes are summed first. In percent.
    """
    shared, union = pixels.sum(2)
    both = np.where(union > 0, percent(shared, union, union > 0), absent)
    return {"mIoU": mean(episode_iou(pixels, absent)), "FB-IoU": mean(both)}


def episode_iou(pixels: np.ndarray, absent: float = float("nan")) -> np.ndarray:
    """(n,) foreground IoU (%) of every class; arguments as for `episode_scores`."""
    shared, union = pixels[:, 1]
    return np.where(union > 0, percent(shared, union, union > 0), absent)
