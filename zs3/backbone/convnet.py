"""A small residual network for small images: the backbone of the Shapes benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .conv_norm import ConvNorm
from .pyramid import Pyramid, Stage
from .resnet import BasicBlock


@BACKBONE_REGISTRY.register()
class ConvNet(Pyramid):
    """
    Features "res1" (stride 2), "res2" (stride 4), ...

    A stage is a 3x3 convolution of stride 2 with BatchNorm and ReLU, then residual blocks of two
    3x3 convolutions. Published nowhere, so it starts from scratch.

    Args:
        channels: of every stage.
        blocks: residual blocks of every stage.
        out_features: those to return; stages after the last of them are dropped.
        in_channels: of the images.

    Raises:
        ValueError: channels and blocks of different lengths.
    """

    @configurable
    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 48, 96, 128),
        blocks: Sequence[int] = (0, 1, 2, 2),
        out_features: Sequence[str] = ("res2", "res3", "res4"),
        in_channels: int = 3,
    ) -> None:
        if len(channels) != len(blocks):
            raise ValueError(
                f"channels {list(channels)} and blocks {list(blocks)} need one entry a stage each."
            )
        widths = (in_channels, *channels)
        stages = {
            f"res{i}": _stage(widths[i - 1], widths[i], count)
            for i, count in enumerate(blocks, start=1)
        }
        super().__init__(stages, out_features)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        return {
            "channels": cfg.MODEL.CONVNET.CHANNELS,
            "blocks": cfg.MODEL.CONVNET.BLOCKS,
            "out_features": cfg.MODEL.CONVNET.OUT_FEATURES,
            "in_channels": input_shape.channels or 3,
        }


def _stage(in_channels: int, channels: int, blocks: int) -> Stage:
    return Stage(
        ConvNorm(in_channels, channels, 3, stride=2, padding=1, norm="BN"),
        nn.ReLU(inplace=True),
        *(BasicBlock(channels, channels, stride=1, norm="BN") for _ in range(blocks)),
        channels=channels,
        stride=2,
    )
