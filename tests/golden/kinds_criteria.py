"""Golden checks of criteria: ZegFormer's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from golden import Case, check_all

from zs3.criterion import HungarianMatcher, Segments, SetCriterion


def criterion_maskformer(case: Case) -> None:
    hyper, inputs = case.meta["hyper"], case.inputs
    criterion = SetCriterion(
        matcher=HungarianMatcher(
            class_cost=hyper["cost_class"],
            mask_cost=hyper["cost_mask"],
            dice_cost=hyper["cost_dice"],
        ),
        void_weight=hyper["eos_coef"],
    )
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
    check_all(case, got)


KINDS: dict[str, Callable[[Case], None]] = {"criterion_maskformer": criterion_maskformer}
