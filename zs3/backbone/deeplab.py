"""
DeepLabV2 (Chen et al., arXiv 1606.00915) as SPNet and CaGNet have it: a dilated ResNet whose map is
in the space of word vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .pyramid import Pyramid, Stage
from .resnet import Stem, make_stages


class ASPP(nn.Module):
    """The sum of 3x3 convolutions of different dilations, each with a bias."""

    stride = 1

    def __init__(self, in_channels: int, channels: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.channels = channels
        branches = [
            nn.Conv2d(in_channels, channels, 3, padding=dilation, dilation=dilation)
            for dilation in dilations
        ]
        for branch in branches:
            nn.init.normal_(branch.weight, std=0.01)
            assert branch.bias is not None
            nn.init.zeros_(branch.bias)
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (branch(x) for branch in self.branches)
        return sum(others, first)


@BACKBONE_REGISTRY.register()
class DeepLabV2(Pyramid):
    """
    One feature, "aspp", of stride 8.

    Args:
        stem, stages: of a ResNet, res2, res3, ... in order.
        channels: width of the map.
        dilations: of the ASPP's branches.
    """

    @configurable
    def __init__(
        self,
        *,
        stem: nn.Module,
        stages: Sequence[Stage],
        channels: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
    ) -> None:
        aspp = ASPP(stages[-1].channels, channels, dilations)
        names = [f"res{i}" for i in range(2, 2 + len(stages))]
        super().__init__(
            {"stem": stem, **dict(zip(names, stages, strict=True)), "aspp": aspp}, ("aspp",)
        )
        for name in ("stem", *names):
            for module in getattr(self, name).modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        """Of MODEL.RESNETS depth and norm; the rest of it is Caffe's."""
        depth, norm = cfg.MODEL.RESNETS.DEPTH, cfg.MODEL.RESNETS.NORM
        return {
            "stem": Stem(input_shape.channels or 3, 64, norm=norm, ceil_mode=True),
            "stages": make_stages(
                depth,
                norm=norm,
                res2_channels=256 if depth >= 50 else 64,
                stride_in_1x1=True,
                dilations=(1, 1, 2, 4),
            ),
            "channels": cfg.MODEL.DEEPLAB.CHANNELS,
            "dilations": cfg.MODEL.DEEPLAB.DILATIONS,
        }
