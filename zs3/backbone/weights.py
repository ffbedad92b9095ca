"""Weights for the backbone alone, from the files of networks that were trained on ImageNet."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoints import dpt, drn, mobilenet, resnet, swin
from ..checkpoints.weight_file import read_weights
from .deeplab import DeepLabV2
from .dpt import DPT
from .drn import DRN
from .mobilenet import MobileNetV2
from .resnet import ResNet
from .swin import Swin
from .timm import TimmBackbone
from .towers import Towers

logger = logging.getLogger(__name__)

State = dict[str, Tensor]
KEY_MAPS: dict[type[nn.Module], Callable[[State], State]] = {
    DeepLabV2: resnet.convert,
    DPT: dpt.convert_vit,
    DRN: drn.convert,
    MobileNetV2: mobilenet.convert,
    ResNet: resnet.convert,
    Swin: swin.convert,
}
# What files have beside stages and heads: Detectron2's classifier; the bias of Caffe's first
# convolution, which Detectron never applied; BatchNorm's counter, which frozen ones lack.
_SPARE = re.compile(r"stem\.fc\.|stem\.conv1\.bias$|.*\.num_batches_tracked$")


def load_backbone_weights(backbone: nn.Module, path: str | Path) -> list[str]:
    """
    Loads MODEL.BACKBONE.WEIGHTS, in place.

    Args:
        path: weights of a backbone alone: a state dict of torchvision (ResNet, MobileNetV2), timm
            or Microsoft (Swin), or one of Detectron2's or Caffe2's pickles; or those of a whole
            model, ours or a published one, or a directory that training wrote. In any container
            that `safe_load` reads.

    Returns:
        list[str]: keys of the file that are no part of the backbone (the classifier; stages that
        the backbone was built without), under our names. They are logged too. Of a whole model only
        its backbone's are counted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no weight file; or keys are missing, unexpected or of another shape. All
            of them are listed.
    """
    target: nn.Module = backbone
    prefix = r"backbone\.(net\.)*"  # whatever looks through it
    if isinstance(backbone, TimmBackbone):
        target = backbone.net
    elif isinstance(backbone, Towers):  # whose CLIP has its weights already
        target, prefix = backbone.appearance, r"backbone\.appearance\."
    file = read_weights(path)
    # The part of a whole model, if it is one.
    part = {k[m.end() :]: v for k, v in file.state.items() if (m := re.match(prefix, k))}
    state = KEY_MAPS.get(type(target), dict)(part or file.state)
    expected: State = target.state_dict()
    parts = {_part(key) for key in expected}
    spare = sorted(
        key
        for key in state.keys() - expected.keys()
        if _SPARE.match(key) or _part(key) not in parts
    )
    fitting = {key: value for key, value in state.items() if key not in spare}
    try:
        target.load_state_dict({**_beside_imagenet(target, state), **fitting})
    except RuntimeError as error:
        raise ValueError(
            f"{file.path} does not fit the configured backbone, {type(target).__name__}: {error}"
        ) from error
    logger.info(
        "%s: loaded %d tensors; no part of the backbone: %s",
        file.path,
        len(fitting),
        ", ".join(spare) or "nothing",
    )
    return spare


def _beside_imagenet(backbone: nn.Module, state: State) -> State:
    """What a backbone has and an ImageNet classifier of its kind has not, as it starts."""
    start: State = {}
    expected: State = backbone.state_dict()
    if not any(key.endswith("running_var") for key in state):
        # Caffe2's older files have the statistics folded into weight and bias.
        start |= {
            key: torch.full_like(value, key.endswith("running_var"))
            for key, value in expected.items()
            if key.endswith(("running_mean", "running_var"))
        }
    if isinstance(backbone, Swin):
        start |= {key: value for key, value in expected.items() if re.match(r"norm\d\.", key)}
    if isinstance(backbone, DeepLabV2):
        start |= {key: value for key, value in expected.items() if key.startswith("aspp.")}
    if isinstance(backbone, DPT):
        start |= {key: value for key, value in expected.items() if key.startswith("reassemble.")}
    return start


def _part(key: str) -> str:
    """
    What a backbone may be built without: `res5`, `layers.3.blocks` in a Swin, `vit.blocks.12` in a
    DPT.
    """
    return ".".join(key.split(".")[: 3 if key.startswith(("layers.", "vit.")) else 1])
