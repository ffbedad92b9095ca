"""Golden checks of the engine: parameter groups, learning rates, and whole steps of training."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from golden import Case, check_all
from kinds_readout import clip_text, zegformer
from torch import Tensor
from torch.optim import AdamW

from zs3.checkpoints.zegformer import convert
from zs3.criterion import HungarianMatcher, SetCriterion
from zs3.engine.clipping import clip_full_model
from zs3.engine.optimizer import parameter_groups
from zs3.engine.schedule import Schedule, poly, ramp
from zs3.engine.steps import SupervisedStep
from zs3.readout import RegionReadout
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import IGNORE, Vocabulary


def optimizer_steps(case: Case) -> None:
    meta = case.meta
    model = model_in_training(case)
    optimizer = AdamW(
        parameter_groups(
            model,
            lr=meta["base_lr"],
            weight_decay=meta["weight_decay"],
            weight_decay_norm=0.0,
            weight_decay_embed=0.0,
            lr_multipliers=[("backbone", meta["backbone_multiplier"])],
        )
    )
    ours = our_names(case)
    group_of = {name: group for group in optimizer.param_groups for name in group["param_names"]}
    assert set(group_of) == {ours[group["name"]] for group in meta["groups"]}
    assert not set(group_of) & {ours[name] for name in meta["not_optimised"]}
    for group in meta["groups"]:
        got = group_of[ours[group["name"]]]
        assert got["lr"] == pytest.approx(group["lr"], rel=1e-9), group["name"]
        assert got["weight_decay"] == group["weight_decay"], group["name"]
    check_rates(meta)

    (max_iter,) = re.findall(r"max_iter (\d+)", meta["module"])
    factor = published_poly(int(max_iter))
    step = SupervisedStep(
        model,
        optimizer,
        Schedule(optimizer, factor),
        clipping=clip_full_model(meta["clip_norm"]),
    )
    first, last = (group_of[ours[meta["groups"][i]["name"]]] for i in (0, -1))
    losses, rates, norms = [], [], []
    for _ in case.outputs["loss_per_step"]:
        rates.append([first["lr"], last["lr"]])
        values = step([training_batch(case)])
        losses.append(values["total_loss"])
        norms.append(values["grad_norm"])
    check_all(
        case,
        {
            "loss_per_step": torch.stack(losses),
            "lr_first_last_group": torch.tensor(rates),
            "grad_norm_before_clip": torch.stack(norms),
        },
    )


def check_rates(meta: dict[str, Any]) -> None:
    """Of a key like lr_at_iter_60k_base_1e4: 60,000 iterations from 1e-4."""
    for key in (key for key in meta if key.startswith("lr_at_iter")):
        thousands, exponent = re.fullmatch(r"lr_at_iter_(\d+)k_base_1e(\d+)", key).groups()
        factor = published_poly(1000 * int(thousands))
        for iteration, rate in meta[key].items():
            assert 10.0 ** -int(exponent) * factor(int(iteration)) == pytest.approx(rate, rel=1e-9)


def published_poly(max_iter: int) -> Callable[[int], float]:
    return poly(max_iter, power=0.9, end=0.0, ramp=ramp(1.0, 0))


def model_in_training(case: Case) -> ZeroShotSegmentor:
    """The whole model of the case that `state_from` names, with MaskFormer's criterion."""
    hyper = json.loads(case.path.with_name(f"{case.meta['state_from']}.json").read_text())
    state = case.prefixed_state
    text = clip_text(state, hyper["clip"], hyper["hyper"]["prompt_ensemble_type"])
    criterion = SetCriterion(
        matcher=HungarianMatcher(class_cost=1.0, mask_cost=20.0, dice_cost=1.0)
    )
    return zegformer(state, hyper["hyper"], text, RegionReadout(), criterion).train()


def training_batch(case: Case) -> list[dict[str, Any]]:
    """The images, and label maps of the train classes in the place of masks and labels."""
    source = case.meta
    if "inputs_from" in source:
        source = json.loads(case.path.with_name(f"{source['inputs_from']}.json").read_text())
    vocabulary = Vocabulary.of(source["train_classes"])
    batch = []
    for name, image in case.inputs.items():
        if number := re.fullmatch(r"image(\d+)", name):
            masks, labels = (case.inputs[f"{what}{number[1]}"] for what in ("masks", "labels"))
            sem_seg = torch.full(image.shape[1:], IGNORE)
            for mask, label in zip(masks, labels, strict=True):
                sem_seg[mask.bool()] = label
            batch.append({"image": image, "sem_seg": sem_seg, "vocabulary": vocabulary})
    return batch


def our_names(case: Case) -> dict[str, str]:
    """From the published name of every tensor to ours."""
    published = list(case.prefixed_state)
    numbered: dict[str, Tensor] = {n: torch.full((1, 1), i) for i, n in enumerate(published)}
    return {published[int(number)]: name for name, number in convert(numbered).items()}


KINDS: dict[str, Callable[[Case], None]] = {"optimizer_steps": optimizer_steps}
