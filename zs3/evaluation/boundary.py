"""
Boundary IoU (Cheng et al., arXiv 2103.16562): IoU of the pixels near the contours of two masks.

Large masks have a high IoU whatever their outline looks like; this one sees the outline alone. For
semantic segmentation a class has one mask an image, and counts are summed over the dataset before
they are divided, as with IoU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ..vocabulary import IGNORE
from .confusion import harmonic_mean, iou_of, mean
from .measure import Measure

RATIO = 0.02  # of the image's diagonal: the paper's


class BoundaryIoU(Measure):
    """
    Counts of boundary pixels, by class.

    Pixels without a label are taken out of the prediction as well, so that their outline is one of
    both and no boundary is missed where nothing is known.

    Args:
        num_classes: K.
        ratio: how far from its contour a mask's boundary reaches, as a share of the image's
            diagonal; one pixel at least.

    Attributes:
        counts: (3, K) int64 boundary pixels that truth and prediction share, of the truth, and of
            the prediction.
    """

    def __init__(self, num_classes: int, ratio: float = RATIO) -> None:
        self.ratio = ratio
        self.counts = np.zeros((3, num_classes), np.int64)

    def add(self, truth: np.ndarray, labels: np.ndarray, output: Mapping[str, Any]) -> None:
        width = max(round(self.ratio * float(np.hypot(*truth.shape))), 1)
        truth, labels = truth.astype(np.uint16), labels.astype(np.uint16)
        of_truth = boundary(truth, width)
        of_labels = boundary(np.where(truth == IGNORE, truth, labels), width)
        both = np.where(of_truth == of_labels, of_truth, np.uint16(IGNORE))
        for row, pixels in zip(self.counts, (both, of_truth, of_labels), strict=True):
            row += np.bincount(pixels.ravel(), minlength=IGNORE + 1)[: len(row)]

    def per_class(self) -> dict[str, np.ndarray]:
        """ "BIoU", NaN for a class without a labelled pixel."""
        return {"BIoU": iou_of(*self.counts)}

    def scores(self, is_seen: np.ndarray) -> dict[str, float]:
        """mBIoU; and S-BIoU, U-BIoU and their harmonic mean hBIoU where there are both."""
        per_class = self.per_class()["BIoU"]
        scores = {"mBIoU": mean(per_class)}
        if is_seen.any() and not is_seen.all():
            seen, unseen = mean(per_class[is_seen]), mean(per_class[~is_seen])
            scores |= {"S-BIoU": seen, "U-BIoU": unseen, "hBIoU": harmonic_mean(seen, unseen)}
        return scores


def boundary(labels: np.ndarray, width: int) -> np.ndarray:
    """
    Keeps the labels that are near another label or the image's edge.

    All classes at once: a pixel lies in the boundary of its mask if the square around it, of
    2 `width` + 1 pixels, holds more than one label, i.e. if its lowest is not its highest. This is
    what eroding every mask by itself gives.

    Args:
        labels: (H, W) uint16 0..65534, or IGNORE, which is also what lies outside of the image.

    Returns:
        np.ndarray: (H, W) uint16; IGNORE in the inside of masks.
    """
    around = cv2.copyMakeBorder(labels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=IGNORE)
    square = np.ones((2 * width + 1,) * 2, np.uint8)
    is_boundary = cv2.erode(around, square) != cv2.dilate(around, square)
    return np.where(is_boundary, around, np.uint16(IGNORE))[1:-1, 1:-1]
