"""Checks of a whole model's training step: losses and gradients."""

from __future__ import annotations

import torch
from golden import Case, check_all, load_case
from kinds_readout import clip_text, image_numbers, zegformer
from torch import Tensor

from zs3.checkpoints.zegformer import convert
from zs3.criterion import HungarianMatcher, Segments, SetCriterion
from zs3.images import ImageBatch
from zs3.readout import RegionReadout
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

GRADIENT = "grad/"


def full_training_step(case: Case) -> None:
    whole = load_case(case.path.with_name(f"{case.meta['state_from']}.json")).meta
    hyper, state = whole["hyper"], case.prefixed_state
    text = clip_text(state, whole["clip"], hyper["prompt_ensemble_type"])
    matcher = HungarianMatcher(class_cost=1.0, mask_cost=20.0, dice_cost=1.0)
    criterion = SetCriterion(matcher=matcher)
    model = zegformer(state, hyper, text, RegionReadout(), criterion).train()

    losses = published_losses(case, model, Vocabulary.of(case.meta["train_classes"]))
    total = torch.stack(list(losses.values())).sum()
    total.backward()

    trained = {name: p for name, p in model.named_parameters() if p.grad is not None}
    norms = torch.stack([parameter.grad.norm() for parameter in trained.values()])
    got = {f"loss/{name}": loss for name, loss in losses.items()}
    got |= {"total_loss": total, "grad_total_norm": norms.norm()}
    for name in case.outputs:
        if name.startswith(GRADIENT):
            published = name.removeprefix(GRADIENT)
            (own,) = convert({published: case.state[published]})
            got[name] = trained[own].grad
    check_all(case, got)


def published_losses(
    case: Case, model: ZeroShotSegmentor, vocabulary: Vocabulary
) -> dict[str, Tensor]:
    """The weighted losses of a whole model on the images and masks of a case."""
    numbers = image_numbers(case)
    images = ImageBatch(tuple(case.inputs[f"image{i}"] for i in numbers), model.size_divisibility)
    labels = [case.inputs[f"labels{i}"] for i in numbers]
    height, width = images.padded_size
    masks = []
    for i in numbers:  # masks may overlap, so a label map could not say what they are
        mask = case.inputs[f"masks{i}"]
        padded = torch.zeros(len(mask), height, width)
        padded[:, : mask.shape[1], : mask.shape[2]] = mask
        masks.append(padded)

    regions = model.grouping(model.backbone(images.normalised(model.pixel_mean, model.pixel_std)))
    logits = [model.naming(layer, model.text([vocabulary])) for layer in regions]
    outputs = [(logit, layer.masks) for logit, layer in zip(logits, regions, strict=True)]
    losses = model.criterion.losses(outputs, Segments.of_lists(labels, masks))
    return {name: model.criterion.weights[_term(name)] * loss for name, loss in losses.items()}


def _term(name: str) -> str:
    """ "loss_ce_3" -> "loss_ce"."""
    return "_".join(name.split("_")[:2])


KINDS = {"full_training_step": full_training_step}
