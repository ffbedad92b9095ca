"""Checks of CAT-Seg's losses, merges of several looks, and parameter groups."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from golden import Case, check_all, load_case
from kinds_cat_seg_models import SLIDING, V2_FROZEN, our_names, v2_model
from torch import Tensor

from zs3.criterion import PixelBinaryCrossEntropy, PixelCrossEntropy
from zs3.engine.optimizer import freeze, parameter_groups
from zs3.evaluation.confusion import confusion_matrix
from zs3.images import ImageBatch
from zs3.inference.modes import Inputs
from zs3.inference.sliding import SlidingWindow
from zs3.readout import ScoreMaps
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import IGNORE, Vocabulary


def as_regions(maps: Tensor) -> tuple[Regions, Tensor]:
    """(B, K, h, w) logits -> cells and their logits (B, N, K)."""
    return Regions.of_pixels(maps[:, :0]), maps.flatten(2).transpose(1, 2)


def v2_loss(case: Case) -> None:
    logits, targets = case.inputs["logits"].requires_grad_(), case.inputs["targets"].long()
    regions, scores = as_regions(logits)
    criterion = PixelBinaryCrossEntropy(ignored_are_negative=True)
    (loss,) = criterion([regions], [scores], targets.where(targets != 255, IGNORE)).values()
    loss.backward()
    check_all(case, {"loss": loss, "grad_logits": logits.grad})


def port_loss(case: Case) -> None:
    logits, targets = case.inputs["logits"].requires_grad_(), case.inputs["targets"].long()[:, 0]
    regions, scores = as_regions(logits)
    (loss,) = PixelCrossEntropy()(
        [regions], [scores], targets.where(targets != 255, IGNORE)
    ).values()
    loss.backward()
    resized = torch.nn.functional.interpolate(logits, targets.shape[1:], mode="bilinear")
    confusion = confusion_matrix(
        targets.numpy(), resized.argmax(1).numpy(), logits.shape[1], ignore=255
    )
    got = {
        "loss_ce": loss,
        "acc_seg": torch.tensor(100 * np.diag(confusion).sum() / confusion.sum()),
        "grad_logits": logits.grad,
    }
    check_all(case, {name: got[name].reshape(value.shape) for name, value in case.outputs.items()})


def v2_sliding_merge(case: Case) -> None:
    """The head's logits of the windows, instead of a model."""
    (height, width), meta = case.meta["output_hw"], case.meta
    logits, side = case.inputs["window_logits"], tuple(meta["out_res"])
    stride = int(meta["kernel"] * (1 - meta["overlap"]))
    vocabulary = Vocabulary.of([str(k) for k in range(logits.shape[1])])

    def predict(inputs: Inputs) -> list[ScoreMaps]:
        assert len(inputs) == len(logits)
        images = ImageBatch(tuple(view["image"] for view in inputs), 32)
        regions, scores = as_regions(logits)
        seen = torch.ones(1, len(vocabulary), dtype=torch.bool)
        prepared = SLIDING.prepare(Scene(images, {}, regions, (vocabulary,), seen), [scores])
        return [
            SLIDING.read(prepared, i, (view["height"], view["width"]))
            for i, view in enumerate(inputs)
        ]

    window = SlidingWindow(meta["kernel"], stride, side, with_whole=True, batch=len(logits))
    image = torch.zeros(3, 480, 640)
    (maps,) = window(predict, [{"image": image, "height": height, "width": width}])
    check_all(case, {"sem_seg": maps.scores()})


def port_tta_merge(case: Case) -> None:
    _, num_classes, height, width = case.inputs["logits"].shape
    views = [
        ScoreMaps(lambda classes, view=view: view[classes], num_classes, (height, width)).softmax(2)
        for view in case.inputs["logits"]
    ]
    labels = ScoreMaps.mean(views).labels(3)
    check_all(case, {"pred": labels.reshape(case.outputs["pred"].shape)})


def v2_param_groups(case: Case) -> None:
    """Of the small model, which another case of the folder holds."""
    wanted = set(case.meta["groups"])
    metas = {path: json.loads(path.read_text()) for path in case.path.parent.glob("*.json")}
    whole = load_case(
        next(p for p, m in metas.items() if set(m.get("trainable_parameters", ())) == wanted)
    )
    model, _ = v2_model(whole)
    freeze(model, V2_FROZEN)
    groups = parameter_groups(
        model,
        lr=2e-4,
        weight_decay=1e-4,
        weight_decay_norm=0.0,
        weight_decay_embed=0.0,
        lr_multipliers=[(r"^(backbone\.visual|text\.encoder)\.", 0.01)],
    )
    group_of = {name: group for group in groups for name, _ in group["params"]}
    ours = our_names(whole)
    for name, options in case.meta["groups"].items():
        if ours[name] in group_of:  # the last block's queries, which nobody asks, are not
            group = group_of.pop(ours[name])
            assert group["lr"] == pytest.approx(options["lr"], rel=1e-9), name
            assert group["weight_decay"] == options["weight_decay"], name
    assert not group_of


KINDS: dict[str, Callable[[Case], None]] = {
    "v2_loss": v2_loss,
    "port_loss": port_loss,
    "v2_sliding_merge": v2_sliding_merge,
    "port_tta_merge": port_tta_merge,
    "v2_param_groups": v2_param_groups,
}
