"""Convolutions initialised as Caffe2's XavierFill does: uniform by fan-in, bias zero."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Conv = TypeVar("Conv", bound=nn.Conv2d)


def c2_xavier(conv: Conv) -> Conv:
    """Initialises a convolution in place, and returns it."""
    nn.init.kaiming_uniform_(conv.weight, a=1)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def input_projection(in_channels: int, channels: int, *, enforce: bool) -> nn.Module:
    """A 1x1 convolution to `channels`; nothing where they are the same already, unless enforced."""
    if in_channels == channels and not enforce:
        return nn.Identity()
    return c2_xavier(nn.Conv2d(in_channels, channels, 1))
