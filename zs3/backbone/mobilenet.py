"""MobileNetV2 (Sandler et al., arXiv 1801.04381), the module of torchvision cut into stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.layers import Conv2dSame
from torch import nn
from torchvision.models import mobilenet_v2

from ..checkpoints.mobilenet import STAGES
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .pyramid import Pyramid, Stage

CHANNELS = {"res1": 16, "res2": 24, "res3": 32, "res4": 96, "res5": 320}


@BACKBONE_REGISTRY.register()
class MobileNetV2(Pyramid):
    """
    Features "res1" (stride 2) to "res5" (stride 32).

    Args:
        out_features: those to return; stages after the last of them are dropped.
        same_padding: pad convolutions of stride 2 as TensorFlow's "SAME" does, at the right and
            bottom only where a size is even. For weights that come from there.
    """

    @configurable
    def __init__(
        self,
        *,
        out_features: Sequence[str] = ("res2", "res3", "res4", "res5"),
        same_padding: bool = False,
    ) -> None:
        layers = mobilenet_v2(num_classes=1).features
        if same_padding:
            _pad_same(layers)
        stages = {
            name: Stage(*(layers[i] for i in STAGES[name]), channels=channels, stride=2)
            for name, channels in CHANNELS.items()
        }
        super().__init__(stages, out_features)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        return {
            "out_features": cfg.MODEL.MOBILENET.OUT_FEATURES,
            "same_padding": cfg.MODEL.MOBILENET.SAME_PADDING,
        }


def _pad_same(network: nn.Module) -> None:
    """Exchanges the strided convolutions, none of which has a bias; weights are kept."""
    for parent in list(network.modules()):
        for name, conv in list(parent.named_children()):
            if isinstance(conv, nn.Conv2d) and conv.stride == (2, 2):
                size, groups = conv.kernel_size[0], conv.groups
                same = Conv2dSame(
                    conv.in_channels, conv.out_channels, size, 2, groups=groups, bias=False
                )
                same.weight = conv.weight
                setattr(parent, name, same)
