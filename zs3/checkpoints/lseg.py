"""Checkpoints of LSeg's zero-shot models (arXiv 2201.03546): names of all their tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import dpt, resnet
from .key_map import Rule, rename

DROPPED: tuple[Rule, ...] = (
    (rf"net\.{dpt.UNREAD}", "the end of the ViT, which nothing reads"),
    (r"net\.scratch\.refinenet4\.resConfUnit1\.", "the coarsest map joins none"),
    (r"net\.clip_pretrained\.visual\.", "CLIP's image tower, which LSeg never asks"),
)

# Of the cosines, 1 / 0.07 as a logarithm: fixed in LSeg's code, so not in its checkpoints.
_LOGIT_SCALE = torch.tensor([-math.log(0.07)])

# torchvision's ResNet, cut into DPT's four layers.
_RESNET: tuple[Rule, ...] = (
    (r"pretrained\.layer1\.0\.", "conv1."),
    (r"pretrained\.layer1\.1\.", "bn1."),
    (r"pretrained\.layer1\.4\.", "layer1."),
    (r"pretrained\.layer([234])\.", r"layer\1."),
)


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published LSeg under the names of a `ZeroShotSegmentor`."""
    state = {key.removeprefix("net."): value for key, value in state.items()}
    residual = {key: value for key, value in state.items() if key.startswith("pretrained.layer")}
    backbone = resnet.convert(rename(residual, _RESNET))
    others = {key: value for key, value in state.items() if key not in residual}
    scale = {"naming.logit_scale": _LOGIT_SCALE} if "scratch.head1.weight" in state else {}
    return {
        **scale,
        **{f"backbone.{key}": value for key, value in backbone.items()},
        **rename(others, (*dpt.RULES, (r"clip_pretrained\.", "text.encoder.model."))),
    }
