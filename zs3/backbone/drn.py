"""
Dilated residual network, type D (Yu et al., CVPR 2017, arXiv 1705.09914): SAZS's convolutional
encoder. Nine levels, of which the last six share one grid and dilate instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .conv_norm import ConvNorm
from .pyramid import Pyramid, Stage
from .resnet import Bottleneck, make_stage

_EXPANSION = 4  # channels of a bottleneck's output in channels of its 3x3 convolution
# (stride, dilation) of level3 to level6.
_RESIDUAL = ((2, 1), (2, 1), (1, 2), (1, 4))


@BACKBONE_REGISTRY.register()
class DRN(Pyramid):
    """
    Features "level0" (stride 1) to "level8" (stride 8).

    level0 is a 7x7 convolution; level1, 2, 7 and 8 are 3x3 ones; level3 to 6 are bottlenecks.

    Args:
        layers: convolutions or bottlenecks of level1 to level8; DRN-D-105 by default.
        channels: of level1 to level8, within the bottlenecks; level0 has as many as level1.
        out_features: those to return; levels after the last of them are dropped.

    Raises:
        ValueError: not eight numbers.
    """

    @configurable
    def __init__(
        self,
        *,
        layers: Sequence[int] = (1, 1, 3, 4, 23, 3, 1, 1),
        channels: Sequence[int] = (16, 32, 64, 128, 256, 512, 512, 512),
        out_features: Sequence[str] = ("level8",),
    ) -> None:
        if len(layers) != 8 or len(channels) != 8:
            raise ValueError(
                f"layers {list(layers)} and channels {list(channels)} need one entry for each of "
                "level1 to level8."
            )
        stages = [
            _plain(3, channels[0], 1, kernel=7),
            _plain(channels[0], channels[0], layers[0]),
            _plain(channels[0], channels[1], layers[1], stride=2),
        ]
        for (stride, dilation), width, count in zip(
            _RESIDUAL, channels[2:6], layers[2:6], strict=True
        ):
            stages.append(
                make_stage(
                    Bottleneck,
                    stages[-1].channels,
                    _EXPANSION * width,
                    stride=stride,
                    dilations=[dilation] * count,
                    width=width,
                    norm="BN",
                )
            )
        stages.append(_plain(stages[-1].channels, channels[6], layers[6], dilation=2))
        stages.append(_plain(channels[6], channels[7], layers[7]))
        super().__init__({f"level{i}": stage for i, stage in enumerate(stages)}, out_features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        c = cfg.MODEL.DRN
        return {"layers": c.LAYERS, "channels": c.CHANNELS, "out_features": c.OUT_FEATURES}


def _plain(
    in_channels: int,
    channels: int,
    count: int,
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
) -> Stage:
    """Convolutions with BatchNorm and ReLU; the first has the stride."""
    layers: list[nn.Module] = []
    for i in range(count):
        conv = ConvNorm(
            channels if i else in_channels,
            channels,
            kernel,
            stride=1 if i else stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            norm="BN",
        )
        layers += [conv, nn.ReLU(inplace=True)]
    return Stage(*layers, channels=channels, stride=stride)
