"""Golden checks of criteria: ZegFormer's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from golden import Case, check_all
from torch import Tensor

from zs3.criterion import HungarianMatcher, Segments, SetCriterion


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


KINDS: dict[str, Callable[[Case], None]] = {"criterion_maskformer": criterion_maskformer}
