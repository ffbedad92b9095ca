"""
A plain ViT (Dosovitskiy et al., ICLR 2021) that is read in the middle: tokens of some blocks.

The network is timm's, under timm's names. Blocks after the last one that is read, the final norm
and the classifier are dropped. T tokens: the class token, then the patches row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

# (positions (1, C, g, g) of the patches, (h, w)) -> (1, C, h, w)
ResizePositions = Callable[[Tensor, tuple[int, int]], Tensor]


def bilinear(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """As DPT resizes positions (arXiv 2103.13413)."""
    return F.interpolate(positions, grid, mode="bilinear", align_corners=False)


def dino_bicubic(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """
    As DINO does (arXiv 2104.14294): by factors that are a tenth of a patch too large, against
    rounding, and that decide where positions are sampled.
    """
    side = positions.shape[-1]
    if grid == (side, side):
        return positions
    height, width = grid
    factors = ((height + 0.1) / side, (width + 0.1) / side)
    return F.interpolate(positions, scale_factor=factors, mode="bicubic", align_corners=False)


class ViT(nn.Module):
    """
    Args:
        dim, heads, patch: width, attention heads, and side of the patches in pixels.
        depth: blocks, as many as are read.
        image_size: side (pixels) of the images it was trained on; it fixes the trained positions.
        resize_positions: to the grids of other images.
    """

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        patch: int,
        depth: int,
        image_size: int,
        resize_positions: ResizePositions = bilinear,
    ) -> None:
        super().__init__()
        net = VisionTransformer(
            img_size=image_size,
            patch_size=patch,
            embed_dim=dim,
            depth=depth,
            num_heads=heads,
            num_classes=0,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )
        assert net.cls_token is not None and net.pos_embed is not None  # there are by default
        self.cls_token, self.pos_embed = net.cls_token, net.pos_embed
        self.patch_embed, self.blocks = net.patch_embed, net.blocks
        self.dim, self.patch = dim, patch
        self.resize_positions = resize_positions

    def tokens(self, images: Tensor) -> Tensor:
        """
        Args:
            images: (B, 3, H, W), whose sides are multiples of the patch.

        Returns:
            Tensor: (B, T, C), before the first block.

        Raises:
            ValueError: another size.
        """
        height, width = images.shape[-2:]
        if height % self.patch or width % self.patch:
            raise ValueError(
                f"a ViT of {self.patch} x {self.patch} patches cannot take images of {height} x "
                f"{width}; set INPUT.SIZE_DIVISIBILITY to {self.patch}."
            )
        patches = self.patch_embed.proj(images).flatten(2).mT
        tokens = torch.cat((self.cls_token.expand(len(images), -1, -1), patches), 1)
        return tokens + self.positions((height // self.patch, width // self.patch))

    def positions(self, grid: tuple[int, int]) -> Tensor:
        """(1, T, C) of a grid (h, w) of patches."""
        trained = self.pos_embed[:, 1:]
        side = round(trained.shape[1] ** 0.5)
        resized = self.resize_positions(trained.mT.unflatten(2, (side, side)), grid)
        return torch.cat((self.pos_embed[:, :1], resized.flatten(2).mT), 1)

    def keys(self, images: Tensor) -> Tensor:
        """What the last block's attention compares: keys (B, T, C) of all heads side by side."""
        x = self.tokens(images)
        blocks: list[Any] = list(self.blocks)  # Any: timm's
        for block in blocks[:-1]:
            x = block(x)
        return blocks[-1].attn.qkv(blocks[-1].norm1(x)).chunk(3, -1)[1]

    def forward(self, images: Tensor, taps: Sequence[int]) -> list[Tensor]:
        """
        Args:
            images: as for `tokens`.
            taps: blocks to read, counted from 0.

        Returns:
            list[Tensor]: (B, T, C) each, what the blocks give.
        """
        x, outputs = self.tokens(images), {}
        for i, block in enumerate(self.blocks):
            outputs[i] = x = block(x)
        return [outputs[i] for i in taps]
