"""Golden checks of SAZS's training: edge targets, losses, and a whole step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from golden import Case, check_all
from kinds_sazs_models import grid_outputs, sazs_vit
from torch import Tensor
from torch.optim import SGD

from zs3.checkpoints.sazs import convert
from zs3.criterion import InverseForm, ShapeAware, edge_map
from zs3.criterion.shape_aware import at_cells
from zs3.engine.optimizer import parameter_groups
from zs3.label_policy import OneAgainstOthersWithEdges
from zs3.vocabulary import IGNORE, Episode, Vocabulary

VOID = 255
NAMES = {"seg": "loss_ce", "edge": "loss_edge", "att": "loss_attention", "inv": "loss_inverse"}
CASE_NAMES = {"seg": "seg", "edge": "edge_bce", "att": "edge_attention", "inv": "inverse"}


def edge_map_kind(case: Case) -> None:
    got = {}
    for benchmark, classes in case.meta["hyper"]["num_classes"].items():
        label = case.inputs[f"label_{benchmark}"]
        # Class `classes` is the last one; it and void are no regions.
        regions = label.masked_fill(label >= classes, -1)
        got[f"edge_{benchmark}"] = edge_map(regions, case.meta["hyper"]["radius"])
    for benchmark, classes in case.meta["hyper"]["num_classes"].items():
        policy = OneAgainstOthersWithEdges(unlabeled_is_others=True, published_edges=True)
        label = case.inputs[f"label_{benchmark}"]
        vocabulary = Episode.about(vocabulary_of(classes), "0")
        (coded,) = policy.ask([vocabulary], [label])[1]
        assert torch.equal(
            policy.complete((), coded[None], None, None)[0, 1], got[f"edge_{benchmark}"]
        )
    check_all(case, got)


def vocabulary_of(classes: int) -> Vocabulary:
    """The background and classes called "0", "1", ..."""
    return Vocabulary(("background", *map(str, range(classes))))


def joint_loss(case: Case) -> None:
    hyper, inputs = case.meta["hyper"], case.inputs
    inverse_form = inverse_form_of(case, hyper["tile"], tuple(hyper["tiles"]), hyper)
    criterion = ShapeAware(
        dim=1,
        inverse_form=inverse_form,
        **weights(hyper["weights"]),
    )
    scores, edge_logits = (
        inputs[name].clone().requires_grad_() for name in ("seg_log_probs", "edge_logits")
    )
    losses = criterion.losses(
        scores, edge_logits[:, 0], inputs["seg_target"], inputs["edge_target"][:, 0] == 1
    )
    total = sum(criterion.weights[name] * loss for name, loss in losses.items())
    got: dict[str, Any] = {CASE_NAMES[short]: losses[name] for short, name in NAMES.items()}
    grads = torch.autograd.grad(total, (scores, edge_logits))
    # Here the losses are given logits, whose softmax they take; the case's are normalised already,
    # and its gradient is that with respect to them.
    pairs = inputs["net_x1"][:, 0], inputs["net_x2"][:, 0]
    got |= {"total": total, "net_coeffs": inverse_form.regressor(*pairs)}
    got |= {"grad_edge": grads[1]}
    case.outputs["grad_seg"] -= case.inputs["seg_log_probs"].exp() * case.outputs["grad_seg"].sum(
        1, keepdim=True
    )
    check_all(case, got | {"grad_seg": grads[0]})


def weights(given: dict[str, float]) -> dict[str, float]:
    return {
        "class_weight": given["seg"],
        "edge_weight": given["edge"],
        "attention_weight": given["att"],
        "inverse_weight": given["inv"],
    }


def inverse_form_of(
    case: Case, tile: int, tiles: tuple[int, int], hyper: dict[str, Any]
) -> InverseForm:
    inverse_form = InverseForm(tile=tile, tiles=tiles, hidden=hyper["inversenet_hidden"])
    prefix = "criterion.inverse_form."
    state = {k: v for k, v in convert(case.prefixed_state).items() if k.startswith(prefix)}
    inverse_form.load_state_dict({k.removeprefix(prefix): v for k, v in state.items()})
    return inverse_form


def train_step(case: Case) -> None:
    hyper, inputs = case.meta["hyper"], case.inputs
    table = inputs["text_table"]
    inverse_form = inverse_form_of(case, hyper["inverse_tile"], (3, 6), hyper)
    model = sazs_vit(
        hyper,
        case.prefixed_state,
        table,
        criterion=ShapeAware(dim=table.shape[1], inverse_weight=0.3, inverse_form=inverse_form),
        label_policy=OneAgainstOthersWithEdges(unlabeled_is_others=True, published_edges=True),
        pixel_mean=(0.0,) * 3,
        pixel_std=(1.0,) * 3,
    ).train()
    full = vocabulary_of(len(table) - 1)
    batch = [
        {"image": image, "sem_seg": label, "vocabulary": Episode.about(full, str(int(k)))}
        for image, label, k in zip(
            inputs["image"], inputs["label"], inputs["class_id"], strict=True
        )
    ]
    asked, coded = model.label_policy.ask([one["vocabulary"] for one in batch], inputs["label"])
    targets = model.label_policy.complete((), torch.stack(coded), None, None)
    assert torch.equal(targets[:, 1].bool(), inputs["edge"].bool())
    grid = tuple(case.outputs["small_target"].shape[1:])
    small = at_cells(targets, grid)
    got = grid_outputs(model, inputs["image"], model.text(asked))
    del got["features"]
    labelled = at_cells(inputs["label"][:, None], grid)[:, 0] != VOID
    hits = (got["log_probs"].argmax(1) == small[:, 0])[labelled]
    got |= {
        "small_target": small[:, 0],
        "small_edge": small[:, 1:].float(),
        "accuracy": 100 * hits.float().mean(),
    }
    assert not (small[:, 0] == IGNORE).any()

    decay = hyper["weight_decay"]
    groups = parameter_groups(
        model,
        lr=hyper["lr"],
        weight_decay=decay,
        weight_decay_norm=decay,
        weight_decay_embed=decay,
    )
    optimizer = SGD(groups, lr=hyper["lr"], momentum=hyper["momentum"])
    got["loss"] = torch.stack(list(model(batch).values())).sum()
    got["loss"].backward()
    optimizer.step()
    after: dict[str, Tensor] = model.state_dict()
    for published in case.meta["changed"]:
        (own,) = convert({published: case.state[published]})
        got[f"after/{published}"] = after[own]
    check_all(case, got)


KINDS: dict[str, Callable[[Case], None]] = {
    "edge_map": edge_map_kind,
    "joint_loss": joint_loss,
    "train_step": train_step,
}
