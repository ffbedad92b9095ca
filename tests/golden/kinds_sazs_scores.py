"""Golden checks of episodes: SAZS's evaluation with its oracle, and LSeg's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from golden import Case, check_all
from torch import Tensor

from zs3.evaluation.episodes import VOID, EpisodeScores, Overlap, oracle_choice
from zs3.naming import Projection
from zs3.readout.enlargement import at_once
from zs3.regions import Regions

IGNORE = 255


def target_of(case: Case, label: Tensor, class_id: int) -> np.ndarray:
    """Labels are class + 1; COCO's have no void."""
    target = (label == class_id + 1).long()
    if case.meta["hyper"]["benchmark"] == "pascal":
        target[label == IGNORE] = VOID
    return target.numpy()


def lseg_eval(case: Case) -> None:
    ids, inputs = case.meta["hyper"]["class_ids"], case.inputs
    scores = EpisodeScores([str(k) for k in range(max(ids) + 1)])
    overlaps = []
    for mask, label, k in zip(
        inputs["pred"].numpy(), inputs["label"], inputs["class_id"].tolist(), strict=True
    ):
        overlaps.append(Overlap.of(mask, target_of(case, label, k)))
        scores.add(k, overlaps[-1])
    summary = scores.summary([str(k) for k in ids])
    got = {
        "inter": torch.tensor(np.stack([one.inter for one in overlaps], 1)),
        "union": torch.tensor(np.stack([one.union for one in overlaps], 1)),
        "miou": torch.tensor(summary["mIoU"]),
        "fb_iou": torch.tensor(summary["FB-IoU"]),
    }
    check_all(case, got)


def eval_fusion(case: Case) -> None:
    inputs, hyper = case.inputs, case.meta["hyper"]
    table, ids = inputs["text_table"], [str(k) for k in hyper["class_ids"]]
    width, classes = table.shape[1], len(table) - 1
    naming = Projection(in_dim=width, dim=width, layers=0)
    fused, alone = (EpisodeScores([str(k) for k in range(classes)]) for _ in range(2))
    got: dict[str, Tensor] = {}
    chosen = []
    for i, k in enumerate(inputs["class_id"].tolist()):
        regions = Regions.of_pixels(inputs[f"features_{i}"])
        logits = regions.paint(naming(regions, table[[0, k + 1], None]))
        size = tuple(inputs[f"label_{i}"].shape)
        mask = at_once(logits.log_softmax(1), size, size, size).argmax(1)
        target = target_of(case, inputs[f"label_{i}"], k)
        eigen = (inputs[f"eig_masks_{i}"].numpy() == 255).astype(int)
        eigen[inputs[f"eig_masks_{i}"].numpy() == 1] = 1
        network, *others = (
            Overlap.of(own, target, void_counts=True) for own in (mask[0].numpy(), *eigen)
        )
        chosen.append(oracle_choice(network, others))
        every = [network, *others]
        alone.add(k, network)
        fused.add(k, every[1 + chosen[-1]])
        got |= {
            f"net_pred_{i}": mask,
            f"inter_{i}": torch.tensor(np.stack([one.inter for one in every])),
            f"union_{i}": torch.tensor(np.stack([one.union for one in every])),
            f"beta_{i}": torch.tensor([one.iou for one in every]),
        }
    got["chosen"] = torch.tensor(chosen)
    got["inter_buf"], got["union_buf"] = torch.tensor(fused.inter), torch.tensor(fused.union)
    for suffix, scores in (("", fused), ("_network_only", alone)):
        summary = scores.summary(ids)
        got[f"miou{suffix}"] = torch.tensor(summary["mIoU"])
        got[f"fb_iou{suffix}"] = torch.tensor(summary["FB-IoU"])
        got[f"class_ious{suffix}"] = torch.tensor([summary[f"IoU-{name}"] for name in ids])
    check_all(case, got)


KINDS: dict[str, Callable[[Case], None]] = {"eval_fusion": eval_fusion, "lseg_eval": lseg_eval}
