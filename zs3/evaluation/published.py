"""
Scores as published evaluators compute them, from the same confusion matrix, to compare with their
numbers. They differ in what an absent class counts; none of them is ever the default.

All take a confusion matrix (K, A) and is_seen (K,) bool, and give percentages by name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .confusion import accuracy, harmonic_mean, iou, mean, percent, predicted_pixels


def zegformer(confusion: np.ndarray, is_seen: np.ndarray) -> dict[str, float]:
    """
    ZegFormer's evaluator, under its names.

    The seen and unseen means, and with them the harmonic one, are NaN as soon as one of their
    classes has no labelled pixel; mIoU counts a class as 0 that is predicted but never the truth.
    """
    truth, per_class = confusion.sum(1), iou(confusion)
    seen, unseen = (_strict_mean(per_class[group]) for group in (is_seen, ~is_seen))
    return {
        "mIoU": mean(occurring_iou(confusion)),
        "fwIoU": float(np.nansum(per_class * truth) / truth.sum()),
        "mACC": mean(accuracy(confusion)),
        "pACC": _pixel_accuracy(confusion, np.ones_like(is_seen)),
        "seen_IoU": seen,
        "unseen_IoU": unseen,
        "harmonic mean": 2 * seen * unseen / (seen + unseen) if seen + unseen else float("nan"),
    }


def spnet(confusion: np.ndarray, is_seen: np.ndarray) -> dict[str, float]:
    """
    SPNet's and CaGNet's generalised scores, under their names: four averages, over all classes,
    over the seen and over the unseen ones, and the harmonic mean of the last two.

    A class that is predicted but never the truth has an IoU of 0.
    """
    truth = confusion.sum(1)
    per_class, recall = occurring_iou(confusion), accuracy(confusion)
    weighted = np.where(truth > 0, per_class, 0) * truth / truth.sum()
    averages: dict[str, Callable[[np.ndarray], float]] = {
        "Overall Acc": lambda group: _pixel_accuracy(confusion, group),
        "Mean Acc": lambda group: mean(recall[group]),
        "FreqW Acc": lambda group: float(weighted[group].sum()),
        "Mean IoU": lambda group: mean(per_class[group]),
    }
    scores: dict[str, float] = {}
    for name, average in averages.items():
        seen, unseen = average(is_seen), average(~is_seen)
        scores |= {
            name: average(np.ones_like(is_seen)),
            f"{name} Seen": seen,
            f"{name} Unseen": unseen,
            f"{name} Harmonic": 2 / (1 / seen + 1 / unseen) if seen * unseen > 0 else 0.0,
        }
    return scores


def zs3net(confusion: np.ndarray, is_seen: np.ndarray) -> dict[str, float]:
    """ZS3Net's scores of all, seen ("S-") and unseen ("U-") classes; an absent class counts 0."""
    truth = confusion.sum(1)
    per_class, recall = np.nan_to_num(iou(confusion)), np.nan_to_num(accuracy(confusion))
    scores: dict[str, float] = {}
    for prefix, group in (("", np.ones_like(is_seen)), ("S-", is_seen), ("U-", ~is_seen)):
        scores |= {
            f"{prefix}pAcc": _pixel_accuracy(confusion, group),
            f"{prefix}mAcc": mean(recall[group]),
            f"{prefix}mIoU": mean(per_class[group]),
            f"{prefix}fwIoU": float((per_class * truth)[group].sum() / truth.sum()),
        }
    return scores


def mmseg(confusion: np.ndarray, is_seen: np.ndarray) -> dict[str, float]:
    """
    MMSegmentation's scores with the seen and unseen means of ZegCLIP and Cascade-CLIP.

    A class that is predicted but never the truth has an IoU of 0. Their tables' hIoU is not
    computed by the published code; it is added here by its formula.
    """
    per_class = occurring_iou(confusion)
    seen, unseen = mean(per_class[is_seen]), mean(per_class[~is_seen])
    return {
        "aAcc": _pixel_accuracy(confusion, np.ones_like(is_seen)),
        "mIoU": mean(per_class),
        "mAcc": mean(accuracy(confusion)),
        "mIoU(S)": seen,
        "mIoU(U)": unseen,
        "hIoU": harmonic_mean(seen, unseen),
    }


def occurring_iou(confusion: np.ndarray) -> np.ndarray:
    """As `iou`, but 0 for a class that is predicted and never the truth."""
    return np.where(predicted_pixels(confusion) > 0, np.nan_to_num(iou(confusion)), iou(confusion))


def _pixel_accuracy(confusion: np.ndarray, group: np.ndarray) -> float:
    """Share of the pixels of a group of classes that were found."""
    whole = confusion[group].sum()
    return float(percent(np.diag(confusion)[group].sum(), whole, whole > 0))


def _strict_mean(values: np.ndarray) -> float:
    """One NaN makes it NaN, unlike `mean`; so do no values at all."""
    return float(values.mean()) if values.size else float("nan")
