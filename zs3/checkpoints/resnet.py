"""
Names of ImageNet ResNets in published files, and what they are called in `zs3.backbone.resnet`.

Three layouts: torchvision's (`layer1.0.conv1.weight`), Caffe2's (`res2_0_branch2a_w`), and
Detectron2's, whose names are kept. No name means different things in two of them, so one set of
rules does for all.
"""

from __future__ import annotations

from torch import Tensor

from .key_map import Rule, rename

_CAFFE2_ENDINGS: tuple[Rule, ...] = (
    (r"(.+)_bn_(s|gamma)$", r"\1.norm.weight"),
    (r"(.+)_bn_(b|beta)$", r"\1.norm.bias"),
    (r"(.+)_bn_(rm|running_mean)$", r"\1.norm.running_mean"),
    (r"(.+)_bn_(riv|running_var)$", r"\1.norm.running_var"),
    (r"(.+)_w$", r"\1.weight"),
    (r"(.+)_b$", r"\1.bias"),
)
_MODULES: tuple[Rule, ...] = (
    (r"(res_)?conv1\.", "stem.conv1."),
    (r"bn1\.", "stem.conv1.norm."),
    *((rf"(res\d)_(\d+)_branch2{c}\.", rf"\1.\2.conv{j}.") for j, c in enumerate("abc", start=1)),
    (r"(res\d)_(\d+)_branch1\.", r"\1.\2.shortcut."),
    *(
        (rf"layer{i - 1}\.(\d+)\.{theirs}\.", rf"res{i}.\1.{ours}.")
        for i in range(2, 6)
        for theirs, ours in (
            (r"conv(\d)", r"conv\2"),
            (r"bn(\d)", r"conv\2.norm"),
            (r"downsample\.0", "shortcut"),
            (r"downsample\.1", "shortcut.norm"),
        )
    ),
)


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published ResNet under our names. What is no part of the backbone stays."""
    weights = {key: value for key, value in state.items() if not key.endswith("_momentum")}
    return rename(rename(weights, _CAFFE2_ENDINGS), _MODULES)
