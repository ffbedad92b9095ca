"""Golden checks of criteria and metrics: ZegFormer's criterion, and four published evaluators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from golden import Case, check_all
from torch import Tensor

from zs3.criterion import HungarianMatcher, Segments, SetCriterion
from zs3.evaluation import protocols
from zs3.evaluation.confusion import accuracy, confusion_matrix, iou


def criterion_maskformer(case: Case) -> None:
    check_all(case, losses_and_matchings(case, set_criterion(case)))


def set_criterion(
    case: Case, matcher_type: type[HungarianMatcher] = HungarianMatcher, **options: Any
) -> SetCriterion:
    """With the costs of the case; matcher and criterion share `options`."""
    hyper = case.meta["hyper"]
    matcher = matcher_type(
        class_cost=hyper["cost_class"],
        mask_cost=hyper["cost_mask"],
        dice_cost=hyper["cost_dice"],
        **options,
    )
    return SetCriterion(matcher=matcher, void_weight=hyper["eos_coef"], **options)


def losses_and_matchings(case: Case, criterion: SetCriterion) -> dict[str, Tensor]:
    """Under the names of the case's outputs."""
    inputs = case.inputs
    images = sum(name.startswith("labels") for name in inputs)
    segments = Segments.of_lists(
        [inputs[f"labels{b}"] for b in range(images)], [inputs[f"masks{b}"] for b in range(images)]
    )
    outputs = [
        (inputs[f"pred_logits_l{i}"], inputs[f"pred_masks_l{i}"])
        for i in range(case.meta["layers"])
    ]

    got = {f"loss/{name}": loss for name, loss in criterion.losses(outputs, segments).items()}
    first = np.cumsum([0, *segments.counts])
    for i, matching in enumerate(criterion.matcher(outputs, segments)):
        for b in range(images):
            mine = matching.image == b
            query, order = matching.query[mine].sort()
            got[f"match_l{i}_b{b}_query"] = query
            got[f"match_l{i}_b{b}_target"] = (matching.segment[mine] - int(first[b]))[order]
    return got


def evaluator(case: Case) -> None:
    names, ignore = case.meta["class_names"], case.meta["ignore_label"]
    count = len(names)
    images = sum(name.startswith("gt") for name in case.inputs)
    pairs = [
        (case.inputs[f"gt{i}"].numpy(), case.inputs[f"sem_seg{i}"].argmax(0).numpy())
        for i in range(images)
    ]
    confusion = sum(confusion_matrix(*pair, count, ignore) for pair in pairs)
    # The published matrix has ignored pixels as one more class, and predictions in its rows.
    with_ignored = sum(
        confusion_matrix(np.where(truth == ignore, count, truth), labels, count + 1, ignore)
        for truth, labels in pairs
    )

    scores = protocols.zegformer(
        confusion, np.array([name not in case.meta["val_extra_classes"] for name in names])
    )
    scores["harmonic_mean"] = scores.pop("harmonic mean")
    check_all(
        case,
        {
            **_tensors(scores),
            "IoU_per_class": torch.from_numpy(iou(confusion)),
            "ACC_per_class": torch.from_numpy(accuracy(confusion)),
            "confusion": torch.from_numpy(with_ignored).T,
        },
    )


def gzsl_scores(case: Case) -> None:
    confusion, count = _confusion(case)
    is_seen = np.arange(count) < int(case.inputs["n_seen"])
    scores = _tensors(protocols.spnet(confusion, is_seen))
    per_class = protocols.occurring_iou(confusion)
    check_all(
        case,
        {
            "scores_gzsl": torch.stack([scores[name] for name in case.meta["score_order"]]) / 100,
            "scores": torch.stack([scores[name] for name in case.meta["scores_order_plain"]]) / 100,
            "class_iou": torch.from_numpy(per_class) / 100,
        },
    )


def zs3_evaluator(case: Case) -> None:
    confusion, count = _confusion(case)
    is_seen = ~np.isin(np.arange(count), case.inputs["unseen"].numpy())
    scores = _tensors(protocols.zs3net(confusion, is_seen))
    named = {"pixel_acc": "pAcc", "mean_acc": "mAcc", "miou": "mIoU", "fwiou": "fwIoU"}
    check_all(
        case,
        {
            "confusion": torch.from_numpy(confusion),
            "iou_by_class": torch.from_numpy(protocols.occurring_iou(confusion)) / 100,
            "acc_by_class": torch.from_numpy(accuracy(confusion)) / 100,
        }
        | {
            ours: torch.stack([scores[prefix + name] for prefix in ("", "S-", "U-")]) / 100
            for ours, name in named.items()
        },
    )


def _confusion(case: Case) -> tuple[np.ndarray, int]:
    """Labels that are no class are ignored, as these two do."""
    count = int(case.inputs["n_class"])
    truth, labels = case.inputs["target"].numpy(), case.inputs["pred"].numpy()
    known = (truth >= 0) & (truth < count)
    return confusion_matrix(truth[known], labels[known], count), count


def _tensors(scores: dict[str, float]) -> dict[str, Tensor]:
    return {name: torch.tensor(score) for name, score in scores.items()}


KINDS: dict[str, Callable[[Case], None]] = {
    "criterion_maskformer": criterion_maskformer,
    "evaluator": evaluator,
    "gzsl_scores": gzsl_scores,
    "zs3_evaluator": zs3_evaluator,
}
