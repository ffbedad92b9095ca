"""What a feature map looks like, known before there is one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ShapeSpec:
    """Channels, size in pixels and stride of a feature map; None where it is not known."""

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    stride: int | None = None
