"""How maps change size."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def resize(maps: Tensor, size: tuple[int, int], *, align_corners: bool = False) -> Tensor:
    """
    (B, C, h, w) -> (B, C, H, W), bilinear without antialiasing.

    Args:
        align_corners: corner cells keep their centres in the corners (ZS3Net); otherwise centres
            are half a pixel from the edge.
    """
    if maps.shape[-2:] == size:
        return maps
    return F.interpolate(maps, size, mode="bilinear", align_corners=align_corners)


def squash(images: Tensor, size: int | tuple[int, int]) -> Tensor:
    """(B, C, H, W) -> the same in a square of `size`, or in another (H, W), whatever the ratio."""
    return resize(images.float(), (size, size) if isinstance(size, int) else size)
