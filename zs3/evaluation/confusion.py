"""
Every score of this project comes from one confusion matrix of a whole dataset, counted in pixels.

Rows are the truth, columns the prediction; pixels without a label are not in it. There may be more
columns than rows: answers that are no class of the truth, and so are always wrong. Scores are
percentages. A class without a labelled pixel has no IoU and no accuracy (NaN) and is left out of
means, though predicting it costs the classes it is mistaken for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..vocabulary import IGNORE


def confusion_matrix(
    truth: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    ignore: int = IGNORE,
    num_answers: int | None = None,
) -> np.ndarray:
    """
    Args:
        truth: integers of any shape, 0..num_classes-1, or `ignore`.
        labels: what was predicted; integers of the same shape, 0..num_answers-1.
        num_answers: columns A, `num_classes` if left out.

    Returns:
        np.ndarray: (K, A) int64, pixels by truth (row) and prediction (column).

    Raises:
        ValueError: different shapes, or a value that is no class.
    """
    if truth.shape != labels.shape:
        raise ValueError(
            f"the prediction is {labels.shape}, but its label map is {truth.shape}; "
            "predict at the size of the label map."
        )
    columns = num_answers or num_classes
    labelled = truth != ignore
    for what, values, count, or_else in (
        ("label map", truth, num_classes, f", or {ignore} for no label"),
        ("prediction", labels, columns, ""),
    ):
        wrong = labelled & ((values < 0) | (values >= count))
        if wrong.any():
            raise ValueError(
                f"the {what} contains {values[wrong][0]}, but there are {count} classes; expected "
                f"0..{count - 1}{or_else}."
            )
    # Pixels without a label are counted in a bin of their own: cheaper than picking out the others.
    last = num_classes * columns
    pairs = np.where(labelled, truth.astype(np.int64) * columns + labels, last)
    return np.bincount(pairs.ravel(), minlength=last + 1)[:-1].reshape(num_classes, columns)


def iou(confusion: np.ndarray) -> np.ndarray:
    """(K,) intersection over union of every class of (K, A); NaN without a labelled pixel."""
    return iou_of(np.diag(confusion), confusion.sum(1), predicted_pixels(confusion))


def iou_of(found: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """IoU from pixels that are right, labelled and predicted; NaN without a labelled pixel."""
    return percent(found, truth + predicted - found, truth > 0)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """(K,) share of every class's pixels that were found (recall); NaN without a labelled pixel."""
    truth = confusion.sum(1)
    return percent(np.diag(confusion), truth, truth > 0)


def predicted_pixels(confusion: np.ndarray) -> np.ndarray:
    """(K,) labelled pixels that every class was predicted for."""
    return confusion.sum(0)[: len(confusion)]


def summary(
    confusion: np.ndarray, is_seen: np.ndarray, kinds: Mapping[str, np.ndarray] | None = None
) -> dict[str, float]:
    """
    The figures that a paper's table shows.

    Args:
        confusion: (K, A).
        is_seen: (K,) bool.
        kinds: groups of unseen classes to report apart, (K,) bool by name.

    Returns:
        dict: pAcc (share of all pixels), mAcc and mIoU (means over classes), fwIoU (mean weighted
        by pixels), zero-IoU (share of classes that were never hit). If there are both seen and
        unseen classes, also S-mIoU, U-mIoU, their harmonic mean hIoU, and U-<kind>.
    """
    truth, per_class = confusion.sum(1), iou(confusion)
    hit = np.where(np.isnan(per_class), np.nan, per_class > 0)
    scores = {
        "pAcc": float(percent(np.trace(confusion), truth.sum(), truth.any())),
        "mAcc": mean(accuracy(confusion)),
        "mIoU": mean(per_class),
        "fwIoU": float(percent(np.nansum(per_class * truth) / 100, truth.sum(), truth.any())),
        "zero-IoU": 100 * (1 - mean(hit)),
    }
    if is_seen.all() or not is_seen.any():
        return scores
    seen, unseen = mean(per_class[is_seen]), mean(per_class[~is_seen])
    scores |= {"S-mIoU": seen, "U-mIoU": unseen, "hIoU": harmonic_mean(seen, unseen)}
    return scores | {f"U-{kind}": mean(per_class[group]) for kind, group in (kinds or {}).items()}


def mean(values: np.ndarray) -> float:
    """Mean of those that are not NaN; NaN if there are none."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def harmonic_mean(seen: float, unseen: float) -> float:
    """2 S U / (S + U), and its limit 0 where both are."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen != 0 else 0.0


def percent(
    part: np.ndarray | float, whole: np.ndarray | float, defined: np.ndarray | bool
) -> np.ndarray:
    """100 * part / whole where `defined`, NaN elsewhere."""
    result = np.full(np.shape(whole), np.nan)
    return np.divide(np.multiply(100.0, part), whole, out=result, where=defined)
