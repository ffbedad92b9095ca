"""The rows of the page's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any  # configurations hold values of any type

import numpy as np
import yaml

from ...runtime.config import leaves
from .evaluated import ClassScore, Evaluation

_FIRST = ("hIoU", "S-mIoU", "U-mIoU")  # what zero-shot papers compare
_LOWER_IS_BETTER = ("zero-IoU",)

_MEANINGS = {
    "hIoU": "harmonic mean of S-mIoU and U-mIoU",
    "S-mIoU": "mean IoU of the seen classes",
    "U-mIoU": "mean IoU of the unseen classes",
    "mIoU": "mean IoU of all classes",
    "mAcc": "mean over the classes of the share of their pixels that was found",
    "pAcc": "share of the labelled pixels that is right",
    "fwIoU": "mean IoU weighted by the classes' pixels",
    "zero-IoU": "share of the classes that was never hit; lower is better",
    "mBIoU": "mean Boundary IoU, that of the pixels near outlines, of all classes",
    "S-BIoU": "mean Boundary IoU of the seen classes",
    "U-BIoU": "mean Boundary IoU of the unseen classes",
    "hBIoU": "harmonic mean of S-BIoU and U-BIoU",
}


def tasks(evaluations: Sequence[Evaluation]) -> list[str]:
    """What any of them was scored under, in the order of the first that was."""
    return list(dict.fromkeys(task for each in evaluations for task in each.scores))


def metric_names(evaluations: Sequence[Evaluation], task: str = "sem_seg") -> list[str]:
    """The scores that any of them has under a task, the most telling first."""
    names = dict.fromkeys(name for each in evaluations for name in each.scores.get(task, {}))
    known = {f"U-{class_.kind}" for each in evaluations for class_ in each.classes if class_.kind}
    kinds = [name for name in names if name in known]
    first = [name for name in _FIRST if name in names]
    return list(dict.fromkeys([*first, *kinds, *names]))


def meaning(name: str, evaluation: Evaluation) -> str:
    """A score in words, "" if there are none for it."""
    kind = name.removeprefix("U-")
    if name != kind and kind in {each.kind for each in evaluation.classes}:
        return f"mean IoU of the unseen classes of kind {kind}"
    return _MEANINGS.get(name, "")


def best_score(name: str, evaluations: Sequence[Evaluation], task: str) -> float | None:
    """Of several evaluations, that of the winner; None where there is nothing to win."""
    scores = [each.scores.get(task, {}).get(name) for each in evaluations]
    defined = {score for score in scores if score is not None}
    if len(defined) < 2:
        return None
    return min(defined) if name in _LOWER_IS_BETTER else max(defined)


def class_rows(
    evaluations: Sequence[Evaluation], is_seen: bool
) -> list[tuple[ClassScore, list[ClassScore | None]]]:
    """
    The seen, or the unseen, classes with what each evaluation says about them, those of the highest
    IoU (in the first evaluation that knows them) on top.
    """
    tables = [{each.name: each for each in evaluation.classes} for evaluation in evaluations]
    known = {name: each for table in reversed(tables) for name, each in table.items()}
    rows = [
        (each, [table.get(name) for table in tables])
        for name, each in known.items()
        if each.is_seen == is_seen
    ]
    return sorted(rows, key=lambda row: -1.0 if row[0].iou is None else row[0].iou, reverse=True)


def histogram(scores: Iterable[float], bins: int = 20) -> list[int]:
    """How many of some percentages fall into each of equal parts of 0..100."""
    return np.histogram(list(scores), bins, (0, 100))[0].tolist()


def config_differences(evaluations: Sequence[Evaluation]) -> list[tuple[str, list[Any]]]:
    """The keys whose values are not the same in all configurations, with the values."""
    configs = [dict(leaves(yaml.safe_load(each.record["config"]))) for each in evaluations]
    keys = sorted({key for config in configs for key in config})
    rows = [(key, [config.get(key) for config in configs]) for key in keys]
    return [row for row in rows if any(value != row[1][0] for value in row[1])]
