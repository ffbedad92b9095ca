"""
ResNet (He et al., arXiv 1512.03385) under Detectron2's names: `stem.conv1`, `res2.0.conv1`, ...

Parts first, so that other networks can be put together from them: a stem, two kinds of block, a
stage of blocks (`make_stage`), the four stages of a published depth (`make_stages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .conv_norm import ConvNorm, freeze
from .pyramid import Pyramid, Stage

# Blocks of res2, res3, res4 and res5, by depth.
BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


class Stem(nn.Module):
    """
    A 7x7 convolution and a 3x3 max-pooling, both of stride 2.

    Args:
        ceil_mode: the pooling's windows may begin on the last row and column (Caffe), so that maps
            of even size get one more.
    """

    stride = 4

    def __init__(
        self, in_channels: int, channels: int, *, norm: str, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.channels = channels
        self.conv1 = ConvNorm(in_channels, channels, 7, stride=2, padding=3, norm=norm)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=ceil_mode)

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(self.conv1(images).relu_())


class DeepStem(nn.Module):
    """
    Three 3x3 convolutions, the first of stride 2 and the first two of half the width, and the same
    pooling: "R-101c", or Detectron2's "deeplab" stem.
    """

    stride = 4

    def __init__(self, in_channels: int, channels: int, *, norm: str) -> None:
        super().__init__()
        self.channels = channels
        half = channels // 2
        self.conv1 = ConvNorm(in_channels, half, 3, stride=2, padding=1, norm=norm)
        self.conv2 = ConvNorm(half, half, 3, padding=1, norm=norm)
        self.conv3 = ConvNorm(half, channels, 3, padding=1, norm=norm)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.conv2(self.conv1(images).relu_()).relu_()
        return self.pool(self.conv3(x).relu_())


# By MODEL.RESNETS.STEM_TYPE.
STEMS: dict[str, type[nn.Module]] = {"basic": Stem, "deeplab": DeepStem}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; ResNet-18 and -34. The first carries the stride."""

    def __init__(
        self, in_channels: int, channels: int, *, stride: int, norm: str, dilation: int = 1
    ) -> None:
        super().__init__()
        dilated: dict[str, Any] = {"padding": dilation, "dilation": dilation, "norm": norm}
        self.shortcut = _shortcut(in_channels, channels, stride, norm)
        self.conv1 = ConvNorm(in_channels, channels, 3, stride=stride, **dilated)
        self.conv2 = ConvNorm(channels, channels, 3, **dilated)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x).relu_()) + self.shortcut(x)).relu_()


class Bottleneck(nn.Module):
    """
    1x1, 3x3 and 1x1 convolutions beside a shortcut; ResNet-50 and deeper.

    Args:
        width: channels of the 3x3 convolution, which has `dilation` and `groups`.
        stride_in_1x1: the stride sits in the first convolution (MSRA's weights), not in the 3x3
            one (torchvision's).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        width: int,
        stride: int,
        norm: str,
        dilation: int = 1,
        groups: int = 1,
        stride_in_1x1: bool = False,
    ) -> None:
        super().__init__()
        dilated: dict[str, Any] = {"padding": dilation, "dilation": dilation, "groups": groups}
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        self.shortcut = _shortcut(in_channels, channels, stride, norm)
        self.conv1 = ConvNorm(in_channels, width, 1, stride=first, norm=norm)
        self.conv2 = ConvNorm(width, width, 3, stride=second, norm=norm, **dilated)
        self.conv3 = ConvNorm(width, channels, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv2(self.conv1(x).relu_()).relu_()
        return (self.conv3(inner) + self.shortcut(x)).relu_()


def _shortcut(in_channels: int, channels: int, stride: int, norm: str) -> nn.Module:
    if in_channels == channels and stride == 1:
        return nn.Identity()
    return ConvNorm(in_channels, channels, 1, stride=stride, norm=norm)


def make_stage(
    block: type[nn.Module],
    in_channels: int,
    channels: int,
    *,
    stride: int,
    dilations: Sequence[int],
    **options: Any,  # Any: whatever the block takes
) -> Stage:
    """
    Args:
        block: takes (in_channels, channels, stride=, dilation=, **options).
        stride: of the first block.
        dilations: one a block, so their number is the number of blocks.
    """
    blocks = [
        block(
            channels if i else in_channels,
            channels,
            stride=1 if i else stride,
            dilation=dilation,
            **options,
        )
        for i, dilation in enumerate(dilations)
    ]
    return Stage(*blocks, channels=channels, stride=stride)


def make_stages(
    depth: int,
    *,
    norm: str,
    stem_channels: int = 64,
    res2_channels: int = 256,
    res2_width: int = 64,
    groups: int = 1,
    stride_in_1x1: bool = False,
    dilations: Sequence[int] = (1, 1, 1, 1),
    multi_grid: Sequence[int] = (),
) -> list[Stage]:
    """
    The stages res2 to res5 of a published depth; each doubles channels and width of the one before.

    Args:
        depth: 18, 34, 50, 101 or 152.
        res2_channels: what res2 gives (64 in the published ResNet-18 and -34).
        res2_width: channels of res2's 3x3 convolutions, all groups together. Like `groups` and
            `stride_in_1x1` it has no meaning for depths below 50.
        dilations: one a stage. A stage that dilates more than the one before it keeps the grid
            instead of halving it: (1, 1, 1, 2) ends at stride 16, (1, 1, 2, 4) at stride 8.
        multi_grid: factors on the dilation of each block of res5 (DeepLabV3, arXiv 1706.05587,
            section 3.2.1); all 1 if left out.

    Raises:
        ValueError: another depth, not four dilations, or not a factor for each block of res5.
    """
    if depth not in BLOCKS:
        raise ValueError(
            f"there is no ResNet-{depth}; the depths are {', '.join(map(str, BLOCKS))}."
        )
    if len(dilations) != 4:
        raise ValueError(
            f"dilations is {tuple(dilations)}; expected four numbers, one for each of res2 to res5."
        )
    factors = [[1] * blocks for blocks in BLOCKS[depth]]
    if multi_grid:
        if len(multi_grid) != len(factors[3]):
            raise ValueError(
                f"multi_grid is {tuple(multi_grid)}; expected one factor for each of the "
                f"{len(factors[3])} blocks of res5."
            )
        factors[3] = list(multi_grid)
    stages = []
    in_channels, previous = stem_channels, 1
    for i, (grid, dilation) in enumerate(zip(factors, dilations, strict=True)):
        keeps_grid = i == 0 or dilation > previous
        options: dict[str, Any] = {"norm": norm}
        if depth >= 50:
            options.update(width=res2_width * 2**i, groups=groups, stride_in_1x1=stride_in_1x1)
        stages.append(
            make_stage(
                Bottleneck if depth >= 50 else BasicBlock,
                in_channels,
                res2_channels * 2**i,
                stride=1 if keeps_grid else 2,
                dilations=[dilation * factor for factor in grid],
                **options,
            )
        )
        in_channels, previous = stages[-1].channels, dilation
    return stages


@BACKBONE_REGISTRY.register()
class ResNet(Pyramid):
    """
    Features "stem" (stride 4), "res2", "res3", ...

    Args:
        stem: images -> first map; has `channels` and `stride`.
        stages: res2, res3, ... in order.
        out_features: those to return; stages after the last of them are dropped.
        freeze_at: how many of stem, res2, res3, ... are not trained.
    """

    @configurable
    def __init__(
        self,
        *,
        stem: nn.Module,
        stages: Sequence[Stage],
        out_features: Sequence[str],
        freeze_at: int = 0,
    ) -> None:
        names = [f"res{i}" for i in range(2, 2 + len(stages))]
        super().__init__({"stem": stem, **dict(zip(names, stages, strict=True))}, out_features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for name in self.stage_names[:freeze_at]:
            freeze(getattr(self, name))

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        """
        Raises:
            ValueError: a depth, width or stem that there is not.
        """
        c = cfg.MODEL.RESNETS
        if c.STEM_TYPE not in STEMS:
            raise ValueError(
                f"MODEL.RESNETS.STEM_TYPE is {c.STEM_TYPE!r}; expected {' or '.join(STEMS)}."
            )
        if c.DEPTH < 50 and c.RES2_OUT_CHANNELS != 64:
            raise ValueError(
                f"MODEL.RESNETS.RES2_OUT_CHANNELS is {c.RES2_OUT_CHANNELS}, but ResNet-{c.DEPTH} "
                "has 64 channels there; set it to 64."
            )
        stages = make_stages(
            c.DEPTH,
            norm=c.NORM,
            stem_channels=c.STEM_OUT_CHANNELS,
            res2_channels=c.RES2_OUT_CHANNELS,
            res2_width=c.NUM_GROUPS * c.WIDTH_PER_GROUP,
            groups=c.NUM_GROUPS,
            stride_in_1x1=c.STRIDE_IN_1X1,
            dilations=(1, 1, c.RES4_DILATION, c.RES5_DILATION),
            multi_grid=c.RES5_MULTI_GRID,
        )
        return {
            "stem": STEMS[c.STEM_TYPE](input_shape.channels or 3, c.STEM_OUT_CHANNELS, norm=c.NORM),
            "stages": stages,
            "out_features": c.OUT_FEATURES,
            "freeze_at": cfg.MODEL.BACKBONE.FREEZE_AT,
        }
