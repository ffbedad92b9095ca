"""Weights for the backbone alone, from the files of networks that were trained on ImageNet."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoints import mobilenet, resnet
from ..checkpoints.safe_load import safe_load, state_dict_of
from .mobilenet import MobileNetV2
from .resnet import ResNet
from .timm import TimmBackbone

logger = logging.getLogger(__name__)

State = dict[str, Tensor]
KEY_MAPS: dict[type[nn.Module], Callable[[State], State]] = {
    MobileNetV2: mobilenet.convert,
    ResNet: resnet.convert,
}
# What files have beside stages and heads: Detectron2's classifier; the bias of Caffe's first
# convolution, which Detectron never applied; BatchNorm's counter, which frozen ones lack.
_SPARE = re.compile(r"stem\.fc\.|stem\.conv1\.bias$|.*\.num_batches_tracked$")


def load_backbone_weights(backbone: nn.Module, path: str | Path) -> list[str]:
    """
    Loads MODEL.BACKBONE.WEIGHTS, in place.

    Args:
        path: a state dict of torchvision (ResNet, MobileNetV2) or timm, or one of Detectron2's or
            Caffe2's pickles, in any container that `safe_load` reads.

    Returns:
        list[str]: keys of the file that are no part of the backbone (the classifier; stages that
        the backbone was built without), under our names. They are logged too.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no weight file; or keys are missing, unexpected or of another shape. All
            of them are listed.
    """
    target = backbone.net if isinstance(backbone, TimmBackbone) else backbone
    state = KEY_MAPS.get(type(backbone), dict)(state_dict_of(safe_load(path)))
    expected: State = target.state_dict()
    if not any(key.endswith("running_var") for key in state):
        # Caffe2's older files have the statistics folded into weight and bias.
        state |= {
            key: torch.full_like(value, key.endswith("running_var"))
            for key, value in expected.items()
            if key.endswith(("running_mean", "running_var"))
        }
    parts = {key.split(".")[0] for key in expected}
    spare = sorted(
        key
        for key in state.keys() - expected.keys()
        if _SPARE.match(key) or key.split(".")[0] not in parts
    )
    try:
        target.load_state_dict({key: value for key, value in state.items() if key not in spare})
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not fit the configured backbone, {type(backbone).__name__}: {error}"
        ) from error
    logger.info(
        "%s: loaded %d tensors; no part of the backbone: %s",
        path,
        len(state) - len(spare),
        ", ".join(spare) or "nothing",
    )
    return spare
