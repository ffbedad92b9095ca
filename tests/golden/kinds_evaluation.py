"""Checks of what published evaluators compute: scores of confusion matrices, episodes, sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from golden import Case, check_all
from torch import Tensor

from zs3.evaluation import published
from zs3.evaluation.confusion import accuracy, confusion_matrix, iou, summary
from zs3.evaluation.episodes import best_mask, episode_pixels
from zs3.evaluation.folds import EPISODE, FoldEvaluator
from zs3.evaluation.questions import Question
from zs3.images import ImageBatch
from zs3.naming import Projection
from zs3.readout import PixelReadout
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import IGNORE, Vocabulary

VOID = 255


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

    scores = published.zegformer(
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
    scores = _tensors(published.spnet(confusion, is_seen))
    per_class = published.occurring_iou(confusion)
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
    scores = _tensors(published.zs3net(confusion, is_seen))
    named = {"pixel_acc": "pAcc", "mean_acc": "mAcc", "miou": "mIoU", "fwiou": "fwIoU"}
    check_all(
        case,
        {
            "confusion": torch.from_numpy(confusion),
            "iou_by_class": torch.from_numpy(published.occurring_iou(confusion)) / 100,
            "acc_by_class": torch.from_numpy(accuracy(confusion)) / 100,
        }
        | {
            ours: torch.stack([scores[prefix + name] for prefix in ("", "S-", "U-")]) / 100
            for ours, name in named.items()
        },
    )


def cascade_evaluate(case: Case) -> None:
    seen, unseen, void = case.meta["seen"], case.meta["unseen"], case.meta["ignore_index"]
    count = len(seen) + len(unseen)
    truth, labels = case.inputs["gt"].numpy(), case.inputs["pred"].numpy()
    if case.meta["reduce_zero_label"]:
        truth = np.where((truth == 0) | (truth == void), void, truth - 1)
    confusion = confusion_matrix(truth, labels, count, void)
    scores = _tensors(published.mmseg(confusion, np.isin(np.arange(count), seen)))
    names = ("aAcc", "mIoU", "mAcc", "mIoU(S)", "mIoU(U)")
    check_all(
        case,
        {
            "IoU": torch.from_numpy(published.occurring_iou(confusion)) / 100,
            "Acc": torch.from_numpy(accuracy(confusion)) / 100,
            "summary": torch.stack([scores[name] for name in names]) / 100,
        },
    )


def metrics(case: Case) -> None:
    count = len(case.outputs["d2_iou"])
    confusion = confusion_matrix(
        case.inputs["gt"].numpy(), case.inputs["pred"].numpy(), count, VOID
    )
    everything = np.ones(count, bool)
    standard, mmseg = summary(confusion, everything), published.mmseg(confusion, everything)
    got = {
        "d2_iou": iou(confusion),
        "d2_acc": accuracy(confusion),
        "d2_mIoU": standard["mIoU"],
        "d2_fwIoU": standard["fwIoU"],
        "d2_mACC": standard["mAcc"],
        "d2_pACC": standard["pAcc"],
        "mm_iou": published.occurring_iou(confusion) / 100,
        "mm_aAcc": mmseg["aAcc"] / 100,
        "mm_mIoU": mmseg["mIoU"] / 100,
        "mm_mAcc": mmseg["mAcc"] / 100,
        **_voc20b(case),
    }
    check_all(
        case, {name: torch.tensor(value).nan_to_num(-1).float() for name, value in got.items()}
    )


def _voc20b(case: Case) -> dict[str, np.ndarray | float]:
    """Names stand for the classes; all beyond the 20 are names of the background."""
    labels = case.inputs["voc_pred"].numpy()
    count = len(case.outputs["vocb_iou"])
    others = [f"other {k}" for k in range(count - 1, labels.max() + 1)]
    tested = Vocabulary.of([*(f"class {k}" for k in range(count - 1)), "background"])
    question = Question.with_background(tested, others)
    confusion = confusion_matrix(
        question.truth(case.inputs["voc_gt"].numpy(), VOID),
        question.answers(labels),
        count,
        num_answers=question.num_answers,
    )
    scores = summary(confusion, np.ones(count, bool))
    return {"vocb_iou": iou(confusion), "vocb_mIoU": scores["mIoU"], "vocb_pACC": scores["pAcc"]}


def eval_fusion(case: Case) -> None:
    hyper, count = case.meta["hyper"], len(case.inputs["text_table"]) - 1
    subject = _fold_evaluator(case, count, ("sazs", "sazs_oracle"))
    got: dict[str, Tensor] = {}
    buffers = torch.zeros(2, 2, count)
    chosen = []
    for k in range(hyper["samples"]):
        class_, label = int(case.inputs["class_id"][k]), case.inputs[f"label_{k}"]
        prediction = _episode_prediction(case, k, class_, label.shape)
        masks = (case.inputs[f"eig_masks_{k}"] > 0).long().numpy()
        sample = {"file_name": str(k), EPISODE: f"class {class_}", "sem_seg": label}
        subject.masks = lambda file, image, size, masks=masks: masks
        subject.process([{**sample, "image": torch.zeros(3, 1, 1)}], [{"labels": prediction}])

        target = _target(case, label.numpy(), class_)
        pixels = [episode_pixels(target, mask, True) for mask in (prediction.numpy(), *masks)]
        best = best_mask(pixels)
        chosen.append(best - 1)
        buffers[:, :, class_] += torch.from_numpy(pixels[best])
        shared, union = torch.from_numpy(np.stack(pixels, 1))
        got |= {
            f"net_pred_{k}": prediction[None],
            f"inter_{k}": shared.float(),
            f"union_{k}": union.float(),
            f"beta_{k}": (shared / union.clamp(min=1))[:, 1],
        }
    results = subject.evaluate()
    for suffix, task in (("", "sem_seg_sazs_oracle"), ("_network_only", "sem_seg_sazs")):
        classes = [results[task][f"IoU-class {class_}"] for class_ in hyper["class_ids"]]
        got |= {
            f"miou{suffix}": torch.tensor(results[task]["mIoU"]),
            f"fb_iou{suffix}": torch.tensor(results[task]["FB-IoU"]),
            f"class_ious{suffix}": torch.tensor(classes),
        }
    got |= {"chosen": torch.tensor(chosen), "inter_buf": buffers[0], "union_buf": buffers[1]}
    check_all(case, got)


def lseg_eval(case: Case) -> None:
    labels, masks = case.inputs["label"], case.inputs["pred"]
    classes = case.inputs["class_id"].tolist()
    subject = _fold_evaluator(case, max(case.meta["hyper"]["class_ids"]) + 1, ("lseg",))
    for class_, label, mask in zip(classes, labels, masks, strict=True):
        sample = {"file_name": "golden", EPISODE: f"class {class_}", "sem_seg": label}
        subject.process([sample], [{"labels": mask}])
    scores = subject.evaluate()["sem_seg_lseg"]
    pixels = np.stack(
        [
            episode_pixels(_target(case, label.numpy(), class_), mask.numpy())
            for class_, label, mask in zip(classes, labels, masks, strict=True)
        ],
        -1,
    )
    got = dict(zip(("inter", "union"), torch.from_numpy(pixels).float(), strict=True))
    got |= {"miou": torch.tensor(scores["mIoU"]), "fb_iou": torch.tensor(scores["FB-IoU"])}
    check_all(case, got)


def _fold_evaluator(case: Case, count: int, protocols: tuple[str, ...]) -> FoldEvaluator:
    names = [f"class {k}" for k in range(count)]
    novel = [names[k] for k in case.meta["hyper"]["class_ids"]]
    return FoldEvaluator(
        Vocabulary.of(["others", *names], unseen=novel),
        protocols=protocols,
        ignore_label=_void(case),
        masks=lambda file, image, size: np.zeros((0, *size)),
    )


def _void(case: Case) -> int:
    """Only PASCAL's evaluators know pixels without a label."""
    return VOID if case.meta["hyper"]["benchmark"] == "pascal" else IGNORE


def _target(case: Case, label: np.ndarray, class_: int) -> np.ndarray:
    return np.where(label == _void(case), IGNORE, label == class_ + 1)


def _episode_prediction(case: Case, k: int, class_: int, size: torch.Size) -> Tensor:
    """Features and the two names' text to labels at the image's size."""
    text = case.inputs["text_table"][[0, class_ + 1]]
    regions = Regions.of_pixels(case.inputs[f"features_{k}"])
    naming = Projection(in_dim=text.shape[1], dim=text.shape[1], layers=0)
    images = ImageBatch((torch.zeros(3, *size),), size_divisibility=0)
    vocabulary = Vocabulary.of(("others", "class"))
    scene = Scene(images, {}, regions, (vocabulary,), torch.tensor([vocabulary.is_seen]))
    readout = PixelReadout()
    prepared = readout.prepare(scene, [naming(regions, text[:, None])])
    return readout.read(prepared, 0, tuple(size)).labels(chunk=2)


def _confusion(case: Case) -> tuple[np.ndarray, int]:
    """Labels that are no class are ignored, as these two do."""
    count = int(case.inputs["n_class"])
    truth, labels = case.inputs["target"].numpy(), case.inputs["pred"].numpy()
    known = (truth >= 0) & (truth < count)
    return confusion_matrix(truth[known], labels[known], count), count


def _tensors(scores: dict[str, float]) -> dict[str, Tensor]:
    return {name: torch.tensor(score) for name, score in scores.items()}


KINDS: dict[str, Callable[[Case], None]] = {
    "cascade_evaluate": cascade_evaluate,
    "eval_fusion": eval_fusion,
    "evaluator": evaluator,
    "gzsl_scores": gzsl_scores,
    "lseg_eval": lseg_eval,
    "metrics": metrics,
    "zs3_evaluator": zs3_evaluator,
}
