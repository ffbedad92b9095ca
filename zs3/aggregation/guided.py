"""
Layers of [x; guidance] where many share the guidance: classes that of an image, cells that of a
class.

Such layers are linear, so what guidance adds is computed once for all that share it, and nothing is
concatenated.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def guided_linear(layer: nn.Linear, x: Tensor, guidance: Tensor | None) -> Tensor:
    """
    Args:
        layer: of C + G channels, or of C without guidance.
        x: (..., C).
        guidance: (..., G), of size 1 along axes that share it.

    Returns:
        Tensor: (..., C').
    """
    if guidance is None:
        return layer(x)
    own, other = layer.weight.tensor_split([x.shape[-1]], dim=1)
    return F.linear(x, own, layer.bias) + F.linear(guidance, other)


def guided_conv(layer: nn.Conv2d, x: Tensor, guidance: Tensor | None) -> Tensor:
    """
    Args:
        layer: of C + G channels, or of C without guidance; it has no bias.
        x: (B, k, C, h, w), maps of k classes.
        guidance: (B, k, G, h, w), or (B, 1, G, h, w) for all classes of an image.

    Returns:
        Tensor: (B, k, C', h, w).
    """

    def convolved(maps: Tensor, weight: Tensor) -> Tensor:
        # With channels last in memory a CPU takes half the time.
        flat = maps.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return F.conv2d(flat, weight, padding=layer.padding).unflatten(0, maps.shape[:2])

    if guidance is None:
        return convolved(x, layer.weight)
    own, other = layer.weight.tensor_split([x.shape[2]], dim=1)
    return convolved(x, own).add_(convolved(guidance, other))
