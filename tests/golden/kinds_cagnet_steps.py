"""Golden checks of CaGNet's and ZS3Net's training: losses, steps, schedules; and a whole model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import torch
from golden import Case, check, check_all
from kinds_cagnet_parts import (
    contextual,
    critic_of,
    drawn_codes,
    generator_sizes,
    gmmn,
    loaded_critic,
    own_labels,
    part,
    published,
    their_labels,
    zs3net,
)
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.backbone.scales import MultiScale
from zs3.checkpoints import cagnet
from zs3.checkpoints import zs3net as zs3net_keys
from zs3.criterion import ContextualCriterion, MatchingCriterion
from zs3.criterion.adversarial import ADVERSARIES, gradient_penalty
from zs3.criterion.grid import at_grid, cell_loss
from zs3.criterion.moments import moment_matching, run_matching
from zs3.criterion.resized import resized_loss
from zs3.engine.generative import PENALTY, GenerativeStep, Weights
from zs3.engine.matching import MatchingStep
from zs3.engine.optimizer import parameter_groups
from zs3.engine.players import Player
from zs3.engine.schedule import Factor, Schedule, decays, held, poly, ramp
from zs3.engine.self_training import completed
from zs3.generation import Generator, GraphGenerator
from zs3.generation.features import Blocks, Layout, SinglePixels, class_prior
from zs3.label_policy import AllLabels, KnownNames
from zs3.readout import PixelReadout
from zs3.regions import Regions
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import IGNORE, Vocabulary


class Vectors(nn.Module):
    """Text of one vocabulary, given."""

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.vectors = vectors

    def forward(self, vocabularies: Sequence[Vocabulary]) -> Tensor:
        return self.vectors[:, None]


class Given:
    """Layouts of the case."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def __call__(self, count: int, grid: tuple[int, int], noise_dim: int) -> Layout:
        return self.layout


def vocabulary_of(case: Case) -> Vocabulary:
    names = [str(k) for k in range(case.meta["hp"]["dis"]["out_dim_cls"] - 1)]
    return Vocabulary.of(names, names[len(names) - case.meta["hp"]["num_unseen"] :])


def segmentor(case: Case) -> ZeroShotSegmentor:
    """CaGNet with the case's state; images are as the backbone wants them, but RGB."""
    meta, state = case.meta, cagnet.convert(case.state)
    dim = meta["word_dim"]
    text = state["naming.vectors"]
    side = state["naming.patch.weight"].shape[-1] if "naming.patch.weight" in state else 1
    if "w" in meta:
        seeing = contextual(meta)
        assert isinstance(seeing["backbone"], MultiScale)
        seeing["backbone"].in_prediction = False
    else:  # the case has no backbone, and needs none
        seeing = nn.ModuleDict({"backbone": nn.Identity(), "grouping": nn.Identity()})
    model = ZeroShotSegmentor(
        backbone=seeing["backbone"],
        grouping=seeing["grouping"],
        naming=critic_of(meta["hp"]["dis"], dim, side),
        text=Vectors(text),
        readout=PixelReadout(),
        criterion=ContextualCriterion(
            generator=Generator(**generator_sizes(meta)),
            class_weight=meta["hp"]["lambda_B_cls"],
            divergence_weight=meta["hp"]["lambda_B_KLD"],
        ),
        label_policy=KnownNames(),
        vocabulary=vocabulary_of(case),
        pixel_mean=(0, 0, 0),
        pixel_std=(1, 1, 1),
        size_divisibility=0,
    )
    model.load_state_dict(state)
    without_dropout(model)
    return model


def without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if hasattr(module, "dropout"):
            chances = module.dropout
            module.dropout = 0 if isinstance(chances, float) else (0,) * len(chances)


def step_of(
    case: Case, model: ZeroShotSegmentor, players: Sequence[Player] = (), **options: Any
) -> GenerativeStep:
    hp = case.meta["hp"]
    is_unseen = ~torch.tensor(vocabulary_of(case).is_seen)
    weights = Weights(
        critic_real=hp["lambda_D_cls_real"],
        critic_fake=hp["lambda_D_cls_fake"],
        critic_synthetic=hp["lambda_D_cls_fake_transfer"],
        generator_content=hp["lambda_G_Content"],
        generator_adversary=hp["lambda_G_GAN"],
        generator_class=hp["lambda_G_cls"],
        generator_synthetic=hp["lambda_G_cls_transfer"],
    )
    content = {"MMDLoss": "mmd", "L1Loss": "l1", "MSELoss": "mse"}[hp["content_loss"]]
    adversary = {"adversary": hp["gan_type"].replace("_", "-"), "content": content}
    options = {"layouts": SinglePixels(is_unseen, hp["gen_unseen_rate"]), **options}
    return GenerativeStep(
        model,
        players or [NoPlayer("critic"), NoPlayer("backbone"), NoPlayer("generator")],
        text=case.state["Em_all.weight"][:, None],
        is_unseen=is_unseen,
        weights=weights,
        **adversary,
        **options,
    )


class NoPlayer:
    """Takes part by name only: losses are formed, and nobody moves."""

    def __init__(self, name: str) -> None:
        self.name = name


def batch_of(case: Case) -> list[dict[str, Any]]:
    images = case.inputs["image"].flip(1)
    return [
        {"image": image, "sem_seg": label}
        for image, label in zip(images, case.inputs["gt"], strict=True)
    ]


def share_correct(logits: Tensor, labels: Tensor) -> Tensor:
    counted = labels != IGNORE
    return (logits.argmax(-1)[counted] == labels[counted]).float().mean()


def real_record(case: Case, step: GenerativeStep) -> dict[str, Tensor]:
    """The published names of what a real step computes."""
    made: list[Tensor] = []
    hook = step.generator.register_forward_hook(lambda *call: made.append(call[-1]))
    with drawn_codes(case):
        regions, logits, targets = step.model.examples(batch_of(case))
    losses, terms = step.real_losses(regions, logits, targets)
    hook.remove()
    weights, final = step.weights, regions[-1]
    labels = at_grid(targets, final.grid)
    correct = [
        share_correct(logit, at_grid(targets, group.grid))
        for group, logit in zip(regions, logits, strict=True)
    ]
    fake = step.critic.classify(made[0], final.grid)
    penalty = terms.get("penalty", torch.zeros((), dtype=torch.int64))
    judged = terms["judged_real"] + terms["judged_fake"]
    return {
        "flag": torch.tensor(1),
        "loss_G_GAN": weights.generator_adversary * terms["deceived"],
        "loss_G_Content": weights.generator_content * terms["content"],
        "loss_G_cls": weights.generator_class * terms["class_fake"],
        "loss_G": losses["generator"],
        "loss_B_KLD": terms["loss_divergence"],
        "loss_B_cls": terms["loss_ce"],
        "loss_B": losses["backbone"],
        "loss_D_real": terms["judged_real"],
        "loss_D_fake": terms["judged_fake"],
        "loss_D_gp": penalty,
        "loss_D_GAN": judged + penalty,
        "loss_D_cls_real": weights.critic_real * terms["class_real"],
        "loss_D_cls_fake": weights.critic_fake * terms["class_fake"],
        "loss_D_cls": weights.critic_real * terms["class_real"]
        + weights.critic_fake * terms["class_fake"],
        "loss_D": losses["critic"],
        "loss_cls_real": terms["class_real"],
        "loss_cls_fake": terms["class_fake"],
        "acc_cls_real": torch.stack(correct).mean(),
        "acc_cls_fake": share_correct(fake, labels),
        "predict": final.paint(made[0]),
        "feature": final.paint(final.embeddings),
        "latent": final.context.code,
        "gt_resized": their_labels(labels).unflatten(1, final.grid),
    }


def with_gradients(
    case: Case, model: nn.Module, got: dict[str, Tensor], losses: Sequence[str]
) -> dict[str, Tensor]:
    for letter in losses:
        model.zero_grad()
        got[f"loss_{letter}"].backward(retain_graph=True)
        trained = dict(model.named_parameters())
        for name in case.outputs:
            prefix = f"grad_{letter}/"
            if name.startswith(prefix):
                key = name.removeprefix(prefix)
                got[name] = published(key, trained, case, gradient=True)
    return got


def cagnet_step1(case: Case) -> None:
    model = segmentor(case).train()
    got = with_gradients(case, model, real_record(case, step_of(case, model)), "DBG")
    check_all(case, got)


def synthetic_record(case: Case, step: GenerativeStep, layout: Layout, grid: Any) -> dict[str, Any]:
    made: list[Tensor] = []
    hook = step.generator.register_forward_hook(lambda *call: made.append(call[-1]))
    step.layouts = Given(layout)
    losses, terms = step.synthetic_losses(len(layout.labels), grid)
    hook.remove()
    logits = step.critic.classify(made[0], grid)[:, layout.counted]
    return {
        "flag": torch.tensor(1),
        "loss_G_cls": losses["generator"],
        "loss_G": losses["generator"],
        "loss_D_cls_fake": losses["critic"],
        "loss_D_cls": losses["critic"],
        "loss_D": losses["critic"],
        "loss_cls_fake": terms["class_synthetic"],
        "acc_cls_fake": share_correct(logits, layout.labels[:, layout.counted]),
        "predict": made[0].mT.unflatten(2, grid),
    }


def pixelwise(case: Case) -> tuple[Layout, tuple[int, int]]:
    labels, noise = case.inputs["gt_sampled"], case.inputs["noise"]
    counted = torch.ones(labels[0].numel(), dtype=torch.bool)
    return Layout(labels.flatten(1), noise.flatten(2).mT, counted), tuple(labels.shape[1:])


def cagnet_step2(case: Case) -> None:
    model = segmentor(case).train()
    step = step_of(case, model)
    got = synthetic_record(case, step, *pixelwise(case))
    is_unseen = ~torch.tensor(vocabulary_of(case).is_seen)
    got["prior"] = class_prior(is_unseen, case.meta["hp"]["gen_unseen_rate"])
    check_all(case, with_gradients(case, model, got, "DG"))


def cagnetv2_step2_patch(case: Case) -> None:
    model = segmentor(case).train()
    inputs = case.inputs
    noise = inputs["block_noise"]
    side = case.meta["hp"]["patchsize"]
    grid = (noise.shape[2] * side, noise.shape[3] * side)
    layout = Blocks(inputs["blocks"]).layout(inputs["block_index"], noise.flatten(2).mT, grid)
    got = synthetic_record(case, step_of(case, model), layout, grid)
    got["gt_assembled"] = layout.labels.unflatten(1, grid)
    got["noise_map"] = layout.noise.mT.unflatten(2, grid)
    check_all(case, with_gradients(case, model, got, "DG"))


@torch.no_grad()
def cagnet_test_pipeline(case: Case) -> None:
    model = segmentor(case).eval()
    image = case.inputs["image"].flip(1)
    (final,) = model.grouping(model.backbone(image))
    scores = final.paint(model.naming.classify(final.embeddings, final.grid))
    # Prediction is the same without the channel that is nobody's.
    logits = final.paint(model.naming(final, model.text([model.vocabulary])))
    assert torch.equal(logits, scores[:, :-1])
    labels = at_grid(case.inputs["gt"], final.grid).unflatten(1, final.grid)
    check_all(
        case,
        {
            "cls_score": scores,
            "pred": scores.argmax(1),
            "sorted_indices": scores.movedim(1, -1).argsort(-1, descending=True),
            "gt_resized": labels,
            "mask": labels != 255,
        },
    )


def cagnet_train_iterations(case: Case) -> None:
    model = segmentor(case).train()
    players = published_players(case, model)
    layout, _ = pixelwise(case)
    step = step_of(case, model, players, layouts=Given(layout), real=1, synthetic=1)
    got: dict[str, Tensor] = {}
    record: dict[str, Tensor] = {}

    def keep(made: tuple[dict[str, Tensor], dict[str, Tensor]]) -> Any:
        losses, terms = made
        names = {"critic": "loss_D", "backbone": "loss_B", "generator": "loss_G"}
        record.update({names[k]: v.detach() for k, v in losses.items()}, **terms)
        return made

    real, synthetic = step.real_losses, step.synthetic_losses
    step.real_losses = lambda *given: keep(real(*given))  # type: ignore[method-assign]
    step.synthetic_losses = lambda *given: keep(synthetic(*given))  # type: ignore[method-assign]
    for iteration in range(3):
        record.clear()
        if iteration % 2 == 0:
            with drawn_codes(case):
                step([batch_of(case)])
        else:
            step([batch_of(case)])
        start = f"iter{iteration}_step{1 + iteration % 2}/"
        got |= {start + n: v for n, v in record.items() if start + n in case.outputs}
        got[f"iter{iteration}_lr"] = torch.tensor(
            [min(g["lr"] for g in players[i].optimizer.param_groups) for i in (0, 2, 1)]
        )
        state = model.state_dict()
        for name in case.outputs:
            prefix = f"after_iter{iteration}/"
            key = name.removeprefix(prefix)
            if name.startswith(prefix) and cagnet.convert({key: case.state[key]}):
                got[name] = published(key, state, case).clone()
    left = case.outputs.keys() - got.keys()
    # Terms are those of cagnet_step1 and _step2; the counters do not count.
    assert all("acc_" in n or "loss_" in n or "Em_" in n or "tracked" in n for n in left), left
    check(case, got)


def published_players(case: Case, model: ZeroShotSegmentor) -> list[Player]:
    optim = case.meta["optim"]
    back, schedule = optim["back_opt"], optim["back_scheduler"]
    model.grouping.context.selector.requires_grad_(False)
    seeing = nn.ModuleDict({"backbone": model.backbone, "grouping": model.grouping})
    groups = parameter_groups(
        seeing,
        lr=back["lr"],
        weight_decay=back["WEIGHT_DECAY"],
        weight_decay_norm=0.0,
        weight_decay_embed=0.0,
        weight_decay_bias=0.0,
        lr_multipliers=[("aspp.*bias", 20), ("aspp", 10), ("context", 5)],
    )
    sgd = torch.optim.SGD(groups, lr=back["lr"], momentum=back["MOMENTUM"])
    return [
        adam("critic", model.naming, optim, "dis"),
        Player("backbone", sgd, Schedule(sgd, published_poly(schedule))),
        adam("generator", model.criterion.generator, optim, "gen"),
    ]


def published_poly(options: dict[str, Any]) -> Factor:
    factor = poly(options["max_iter"], power=options["power"], end=0.0, ramp=ramp(1.0, 0))
    return held(factor, options["lr_decay_iter"])


def adam(name: str, module: nn.Module, optim: dict[str, Any], whose: str) -> Player:
    options, schedule = optim[f"{whose}_opt"], optim[f"{whose}_scheduler"]
    optimizer = torch.optim.Adam(
        module.parameters(), lr=options["lr"], weight_decay=options["weight_decay"]
    )
    factor = decays(schedule["start_decay_iter"], schedule["step_size"], gamma=schedule["gamma"])
    return Player(name, optimizer, Schedule(optimizer, factor))


def cagnet_losses(case: Case) -> None:
    critic, inputs = loaded_critic(case, case.meta["hp_dis"]), case.inputs
    predict = inputs["predict"].requires_grad_()
    fake, real = (Regions.of_pixels(maps) for maps in (predict, inputs["target"]))
    labels = own_labels(inputs["gt"]).flatten(1)
    labelled = labels != IGNORE
    rows = fake.embeddings[labelled], real.embeddings[labelled]
    logits = critic.classify(fake.embeddings, fake.grid)
    got = {
        "mmd_sqrt": run_matching(*rows, labels[labelled]),
        "mmd_nosqrt": run_matching(*rows, labels[labelled], root=False),
        "l1": F.l1_loss(*rows),
        "mse": F.mse_loss(*rows),
        "cls": cell_loss(logits, labels),
        "cls_acc": share_correct(logits, labels),
        "cls_pred": logits.argmax(-1).unflatten(1, fake.grid),
        "cls_sorted_indices": logits.argsort(-1, descending=True).unflatten(1, fake.grid),
    }
    for name in ("lsgan", "gan", "wgan"):
        game = ADVERSARIES[name]
        got[f"{name}_D_real"] = game.of_real(critic.judge(rows[1]))
        got[f"{name}_D_fake"] = game.of_fake(critic.judge(rows[0]))
        got[f"{name}_D"] = got[f"{name}_D_real"] + got[f"{name}_D_fake"]
        got[f"{name}_G"] = game.of_generator(critic.judge(rows[0]))
    share = inputs["gp_alpha"].flatten(2)
    assert case.meta["lambda_D_gp"] == PENALTY
    got["wgangp_penalty"] = PENALTY * gradient_penalty(
        critic.judge, real.embeddings, fake.embeddings, labelled, share
    )
    got["wgangp_D"] = got["wgan_D"] + got["wgangp_penalty"]
    for name in case.outputs:
        if name.startswith("grad_predict/"):
            loss = got[name.removeprefix("grad_predict/")]
            (got[name],) = torch.autograd.grad(loss, predict, retain_graph=True)
    check_all(case, got)


def cagnet_schedules(case: Case) -> None:
    lr, max_iter, every, power, start, step, gamma = case.inputs["cfg"].tolist()
    options = {"max_iter": int(max_iter), "power": power, "lr_decay_iter": int(every)}
    held_poly = published_poly(options)
    falling = decays(int(start), int(step), gamma=gamma)
    got = {
        "poly_lr": torch.tensor(
            [[by * lr * held_poly(t) for by in (1, 5, 10, 20)] for t in count(case, "poly_lr")]
        ),
        "lambda_lr": torch.tensor([lr * falling(t) for t in count(case, "lambda_lr")]),
    }
    first, second = case.meta["intervals"]["step1"], case.meta["intervals"]["step2"]
    for name, shift in (("first1", 0), ("first2", first)):
        times = count(case, f"step_sequence_{name}")
        in_turn = [1 if (t + shift) % (first + second) < first else 2 for t in times]
        got[f"step_sequence_{name}"] = torch.tensor(in_turn)
    check_all(case, got)


def count(case: Case, output: str) -> range:
    return range(len(case.outputs[output]))


def spnet_poly_lr(case: Case) -> None:
    lr, max_iter, every, power = case.inputs["cfg"].tolist()
    factor = published_poly(
        {"max_iter": int(max_iter), "power": power, "lr_decay_iter": int(every)}
    )
    rates = [[by * lr * factor(t) for by in (1, 10, 20)] for t in count(case, "lr")]
    check_all(case, {"lr": torch.tensor(rates)})


def zs3_poly_lr(case: Case) -> None:
    lr, epochs, iterations = case.inputs["cfg"].tolist()
    factor = poly(int(epochs * iterations), power=0.9, end=0.0, ramp=ramp(1.0, 0))
    rates = [[by * lr * factor(t) for by in (1, 10)] for t in count(case, "lr")]
    check_all(case, {"lr": torch.tensor(rates)})


def cagnet_selftraining_labels(case: Case) -> None:
    top, unseen, columns = case.inputs["cfg"].tolist()
    ranking = case.inputs["sorted_indices"].movedim(-1, 1)  # (B, K+1, h, w)
    scores = -ranking.argsort(1)
    k = torch.arange(columns)
    is_unseen = (k >= columns - 1 - unseen) & (k < columns - 1)
    labels = own_labels(case.inputs["gt"])
    made = [
        completed(own, score, is_unseen, top=top) for own, score in zip(labels, scores, strict=True)
    ]
    check_all(case, {"gt_new": their_labels(torch.stack(made))})


def zs3_losses(case: Case) -> None:
    inputs, weights = case.inputs, case.inputs["class_weight"]
    fake, logits = inputs["fake"].requires_grad_(), inputs["logits"].requires_grad_()
    targets = own_labels(inputs["target"])
    got = {
        "gmmn": moment_matching(fake, inputs["real"]),
        "ce": resized_loss(logits, targets, weights),
        "focal": resized_loss(logits, targets, weights, focus=2),
        "ce_finetune": resized_loss(logits, targets),
    }
    (got["grad_fake"],) = torch.autograd.grad(got["gmmn"], fake)
    (got["grad_ce"],) = torch.autograd.grad(got["ce"], logits, retain_graph=True)
    check_all(case, got)


def zs3_iteration(case: Case) -> None:
    meta, inputs = case.meta, case.inputs
    parts = zs3net(meta, part(case.state, "model."), dropout=(0.0, 0.0, 0.0))
    generators = part(case.state, "generator.") | part(case.state, "generator_gcn.")
    has_graph = any(key.startswith("gcn") for key in generators)
    graph = (
        GraphGenerator(
            text_dim=meta["embed_dim"],
            noise_dim=meta["noise_dim"],
            feature_dim=meta["feature_dim"],
            hidden=meta["hidden"],
        )
        if has_graph
        else None
    )
    criterion = MatchingCriterion(generator=gmmn(meta, meta["hidden"]), graph_generator=graph)
    state = part(zs3net_keys.convert_generators(generators), "criterion.")
    criterion.load_state_dict(state)
    without_dropout(criterion)
    names = [str(k) for k in range(meta["num_classes"])]
    vocabulary = Vocabulary.of(names, [names[k] for k in meta["unseen"]])
    text = vectors_of(case)
    model = ZeroShotSegmentor(
        backbone=parts["backbone"],
        grouping=parts["grouping"],
        naming=parts["naming"],
        text=Vectors(text),
        readout=PixelReadout(),
        criterion=criterion,
        label_policy=AllLabels(),
        vocabulary=vocabulary,
        pixel_mean=(0, 0, 0),
        pixel_std=(1, 1, 1),
        size_divisibility=0,
    ).train()
    players = {"classifier": sgd("classifier", model.naming, 10 * meta["lr_classifier"])}
    for name, module in (("generator", criterion.generator), ("graph", graph)):
        if module is not None:
            optimizer = torch.optim.Adam(module.parameters(), lr=meta["lr_generator"])
            players[name] = Player(name, optimizer, Schedule(optimizer, lambda t: 1.0))
    step = MatchingStep(
        model,
        players,
        text=text[:, None],
        is_unseen=~torch.tensor(vocabulary.is_seen),
        samples=meta["batch_size_generator"],
        unseen_weight=meta["unseen_weight"],
        graph_weight=meta["gcn_weight"],
    )
    used = [0, 0]

    def rand(*size: int, **options: object) -> Tensor:
        used[0] += size[0] * size[1]
        return inputs["uniform"][used[0] - size[0] * size[1] : used[0]].view(size)

    def randint(high: int, size: tuple[int], **options: object) -> Tensor:
        used[1] += size[0]
        return (inputs["uniform_idx"][used[1] - size[0] : used[1]] * high).long()

    shown: list[Tensor] = []
    hook = model.naming.linear.register_forward_pre_hook(
        lambda module, given: shown.append(given[0].detach())
    )
    batch = [
        {"image": image, "sem_seg": label}
        for image, label in zip(inputs["image"], inputs["label"], strict=True)
    ]
    with patch.object(torch, "rand", rand), patch.object(torch, "randint", randint):
        record = step([batch])
    hook.remove()
    height, width = case.outputs["classifier_input"].shape[2:]
    got = {
        "classifier_input": shown[1].mT.unflatten(2, (height, width)),
        "loss": record["loss_ce"],
        "generator_loss": record["loss_generator"],
        "n_uniform_used": torch.tensor(used),
    }
    if has_graph:
        got["generator_gcn_loss"] = record["loss_graph"]
    ours = model.state_dict()
    for name in case.outputs:
        if name.startswith("after/"):
            whose, _, key = name.removeprefix("after/").partition(".")
            convert = zs3net_keys.convert if whose == "model" else zs3net_keys.convert_generators
            (own,) = convert({key: case.state[f"{whose}.{key}"]})
            got[name] = ours[own].reshape(case.outputs[name].shape)
    check_all(case, got)


def sgd(name: str, module: nn.Module, lr: float) -> Player:
    optimizer = torch.optim.SGD(module.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    return Player(name, optimizer, Schedule(optimizer, lambda t: 1.0))


def vectors_of(case: Case) -> Tensor:
    """Vectors of the classes that the case's label map has; zeros for others."""
    labels, maps = case.inputs["label"].flatten(), case.inputs["label_emb"].movedim(1, -1)
    rows = maps.flatten(0, 2)
    text = rows.new_zeros(case.meta["num_classes"], rows.shape[1])
    labelled = labels < len(text)
    text[labels[labelled]] = rows[labelled]
    if (~labelled).any():  # ignored pixels carry that of class 0
        text[0] = rows[~labelled][0]
    return text


KINDS: dict[str, Callable[[Case], None]] = {
    "cagnet_losses": cagnet_losses,
    "cagnet_schedules": cagnet_schedules,
    "cagnet_selftraining_labels": cagnet_selftraining_labels,
    "cagnet_step1": cagnet_step1,
    "cagnet_step2": cagnet_step2,
    "cagnet_test_pipeline": cagnet_test_pipeline,
    "cagnet_train_iterations": cagnet_train_iterations,
    "cagnetv2_step1": cagnet_step1,
    "cagnetv2_step2_patch": cagnetv2_step2_patch,
    "spnet_poly_lr": spnet_poly_lr,
    "zs3_gmmn_gcn_iteration": zs3_iteration,
    "zs3_gmmn_iteration": zs3_iteration,
    "zs3_losses": zs3_losses,
    "zs3_poly_lr": zs3_poly_lr,
}
