"""
Ways from the grid of cells to the pixels of an image. They differ in a fraction of a cell, which
published numbers depend on.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from ..resize import resize
from .maps import Size

# (maps (B, K, h, w) of padded images, their padded size, the image's own size, size wanted) ->
# (B, K, H, W).
Enlargement = Callable[[Tensor, Size, Size, Size], Tensor]


def by_input(maps: Tensor, padded: Size, image: Size, wanted: Size) -> Tensor:
    """To the padded input, cropped to the image, to the size wanted."""
    return resize(resize(maps, padded)[..., : image[0], : image[1]], wanted)


def by_corners(maps: Tensor, padded: Size, image: Size, wanted: Size) -> Tensor:
    """As `by_input`, but the corner cells lie on the corner pixels of the padded input (LSeg,
    ZS3Net)."""
    enlarged = resize(maps, padded, align_corners=True)
    return resize(enlarged[..., : image[0], : image[1]], wanted)


def at_once(maps: Tensor, padded: Size, image: Size, wanted: Size) -> Tensor:
    """
    In one step, by Pillow's rule, which is antialiased where it shrinks (SAZS). Padding is cut off
    afterwards, to the nearest pixel.
    """
    height, width = (
        round(size * all_ / own) for size, all_, own in zip(wanted, padded, image, strict=True)
    )
    enlarged = F.interpolate(
        maps, (height, width), mode="bilinear", align_corners=False, antialias=True
    )
    return enlarged[..., : wanted[0], : wanted[1]]


ENLARGEMENTS: dict[str, Enlargement] = {
    "by_input": by_input,
    "by_corners": by_corners,
    "at_once": at_once,
}
