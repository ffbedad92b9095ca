"""Whole Cascade-CLIPs and ZegCLIPs: inference, training steps, optimizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from golden import Case, check_all
from kinds_cascade_parts import (
    PUBLISHED_IGNORE,
    STAGES,
    cascade_naming,
    part,
    prompted_tower,
    published_readout,
)
from torch import Tensor
from torch.nn import functional as F

from zs3.checkpoints.cascade_clip import DROPPED, convert
from zs3.checkpoints.key_map import drop
from zs3.config import get_config
from zs3.criterion import ClassMasks
from zs3.engine.optimizer import build_optimizer, freeze
from zs3.engine.schedule import lr_factor
from zs3.grouping import BackboneMap, PixelGrid, WithLevels
from zs3.inference.modes import whole
from zs3.inference.sliding import SlidingWindow
from zs3.label_policy import Inductive, Transductive
from zs3.segmentor import ZeroShotSegmentor
from zs3.text import TextBank
from zs3.text.encoder import TextEncoder
from zs3.vocabulary import IGNORE, Vocabulary

CONFIGS = Path(__file__).parents[2] / "configs"
GRADIENT = "grad/"


class GivenText(TextEncoder):
    """The rows of a case; class "k" has row k."""

    reads_templates = False

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows, persistent=False)
        self.dim = rows.shape[1]

    def forward(self, prompts: Sequence[str]) -> Tensor:
        return self.rows[[int(name) for name in prompts]]


@torch.no_grad()
def infer(case: Case) -> None:
    arch, model = case.meta["arch"], published_model(case).eval()
    got = {}
    for name, setting in case.meta["settings"].items():
        slides = setting["mode"] == "slide"
        model.inference = SlidingWindow(arch["crop"], arch["stride"]) if slides else whole
        model.readout = published_readout(0.0 if setting["self_training"] else 0.1)
        (image,) = case.inputs[setting["input"].removeprefix("in/")]
        height, width = setting["ori_shape"]
        (same,) = model([{"image": image}])
        (scores,) = model([{"image": image, "height": height, "width": width}])
        (labels,) = model.labels([{"image": image, "height": height, "width": width}])
        got |= {
            f"{name}/scores_input_size": same["sem_seg"][None],
            f"{name}/scores": scores["sem_seg"][None],
            f"{name}/labels": labels["labels"][None],
            f"{name}/softmax": scores["sem_seg"].softmax(0)[None],
        }
    check_all(case, {name: got[name] for name in case.outputs})


def train(case: Case) -> None:
    got = {}
    for name, policy in (("inductive", Inductive()), ("transductive", Transductive())):
        model = published_model(case).train()
        model.label_policy = policy
        recorder = Recorder()
        model.criterion = recorder
        losses = model(
            [
                {"image": image, "sem_seg": labels}
                for image, labels in zip(case.inputs["img"], case.inputs["gt"][:, 0], strict=True)
            ]
        )
        sum(losses.values()).backward()
        maps, targets = recorder.maps, recorder.targets
        labelled = targets != IGNORE
        right = (maps.argmax(1) == targets)[labelled].float().mean()
        got |= {f"{name}/{term}": loss[None] for term, loss in losses.items()}
        got[f"{name}/pred_masks"] = maps
        got[f"{name}/labels"] = targets.masked_fill(~labelled, PUBLISHED_IGNORE)
        got[f"{name}/acc_seg"] = 100 * right[None]
        parameters, names = dict(model.named_parameters()), our_names(case.prefixed_state)
        got |= {
            f"{name}/{GRADIENT}{published}": parameters[ours].grad
            for published, ours in names.items()
            if ours in parameters and f"{name}/{GRADIENT}{published}" in case.outputs
        }
    check_all(case, got)


class Recorder(ClassMasks):
    """Keeps what it compared."""

    def forward(self, regions: Any, logits: Any, targets: Tensor) -> dict[str, Tensor]:
        maps = regions[-1].paint(logits[-1]).detach()
        self.maps = F.interpolate(maps, targets.shape[1:], mode="bilinear")
        self.targets = targets
        return super().forward(regions, logits, targets)


def optimizer(case: Case) -> None:
    """The published configuration, at the published sizes."""
    meta, name = case.meta, case.meta["case"].split("_")[0]
    config = CONFIGS / {"cascade": "cascade_clip/coco.yaml", "zegclip": "zegclip/coco.yaml"}[name]
    options = ["MODEL.DEVICE", "cpu", "MODEL.CLIP.PRETRAINED", ""]
    cfg = get_config(config, options)
    with torch.device("meta"):
        model = ZeroShotSegmentor(cfg)
    freeze(model, cfg.MODEL.FREEZE)
    subject = build_optimizer(cfg, model)
    group_of = {key: group for group in subject.param_groups for key in group["param_names"]}
    numbered = {key: torch.empty(0) for key in (*meta["trainable"], *meta["frozen"])}
    ours = our_names(numbered)
    # Published models also optimise what has no influence.
    _, unused = drop(numbered, DROPPED)
    assert set(group_of) == {ours[key] for key in meta["trainable"] if key not in unused}
    for key in meta["trainable"].keys() - unused.keys():
        group = group_of[ours[key]]
        assert [group["lr"], group["weight_decay"]] == meta["trainable"][key]
        assert list(group["betas"]) == meta["betas"] and group["eps"] == meta["eps"]
    for iterations, rates in meta["schedule_for_lr_2e_4"].items():
        factor = lr_factor(get_config(config, [*options, "SOLVER.MAX_ITER", iterations]))
        for iteration, rate in rates:
            assert cfg.SOLVER.BASE_LR * factor(iteration) == pytest.approx(rate, rel=1e-9)


def published_model(case: Case) -> ZeroShotSegmentor:
    """The whole model of a case, without dropout; its images are normalised already."""
    arch, published = case.meta["arch"], case.prefixed_state
    stages = STAGES[case.meta["case"].split("_")[0]]
    first = arch["layers"] - 1 - sum(stages)
    levels = list(range(first, arch["layers"] - 1))
    backbone = prompted_tower(
        image_size=arch["res"],
        patch_size=arch["patch"],
        width=arch["width"],
        heads=arch["heads"],
        layers=arch["layers"],
        dim=arch["D"],
        num_prompts=arch["P"],
        levels=levels,
        dropout=0.0,
    )
    state = convert(published)
    backbone.load_state_dict(part(state, "backbone"))
    pixels = PixelGrid(pixel_decoder=BackboneMap(in_feature="clip", in_channels=arch["D"]))
    grouping = WithLevels(
        pixels,
        backbone.output_shape(),
        levels=[f"block{level}" for level in levels],
        summary="clip_summary",
    )
    names = [str(k) for k in case.meta["all"]]
    return ZeroShotSegmentor(
        backbone=backbone,
        grouping=grouping,
        naming=cascade_naming(published, stages, arch["dheads"]),
        text=TextBank(GivenText(case.inputs["text"]), normalize=False),
        readout=published_readout(0.0),
        criterion=ClassMasks(),
        vocabulary=Vocabulary.of(names, [str(k) for k in case.meta["novel"]]),
        pixel_mean=(0.0, 0.0, 0.0),
        pixel_std=(1.0, 1.0, 1.0),
        size_divisibility=arch["patch"],
    )


def our_names(state: dict[str, Tensor]) -> dict[str, str]:
    """From the published name of every tensor that has influence to ours; none are added."""
    published = list(state)
    numbered = {key: torch.tensor(number) for number, key in enumerate(published)}
    return {
        published[int(number)]: ours
        for ours, number in convert(numbered).items()
        if not number.is_floating_point()
    }


KINDS: dict[str, Callable[[Case], None]] = {
    "cascade_infer": infer,
    "zegclip_infer": infer,
    "cascade_train": train,
    "zegclip_train": train,
    "cascade_optimizer": optimizer,
    "zegclip_optimizer": optimizer,
}
