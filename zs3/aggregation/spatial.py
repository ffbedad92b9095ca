"""
Spatial aggregation: the scores of one class look at each other, cell by cell.

Two Swin blocks (arXiv 2103.14030) whose queries and keys, though not values, see the image
(CAT-Seg, arXiv 2303.11797, section 3.2). No position biases. B images, k maps of classes of each;
h w cells of C channels; G channels of guidance.
"""

from __future__ import annotations

import torch
from timm.layers import Mlp
from timm.models.swin_transformer import window_partition, window_reverse
from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.swin import shift_mask
from .guided import guided_linear


class GuidedWindowAttention(nn.Module):
    """Attention inside windows; queries and keys are of [cells; guidance], values of cells."""

    def __init__(self, dim: int, guidance_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim + guidance_dim, dim)
        self.k = nn.Linear(dim + guidance_dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, cells: Tensor, guidance: Tensor | None, mask: Tensor | None) -> Tensor:
        """
        Args:
            cells: (B, k, windows, cells, C).
            guidance: (B, k, windows, cells, G), or (B, 1, ...) for all classes of an image; None
                without.
            mask: (windows, cells, cells), added to the attention logits.

        Returns:
            Tensor: (B, k, windows, cells, C).
        """
        queries = guided_linear(self.q, cells, guidance)
        keys = guided_linear(self.k, cells, guidance)
        q, k, v = (
            x.flatten(0, 1).unflatten(-1, (self.heads, -1)).transpose(2, 3).flatten(1, 2)
            for x in (queries, keys, self.v(cells))
        )  # (B k, windows * heads, cells, C / heads)
        if mask is not None:
            mask = mask.repeat_interleave(self.heads, dim=0)[None]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        attended = attended.unflatten(1, (-1, self.heads)).transpose(2, 3).flatten(3)
        return self.proj(attended).unflatten(0, cells.shape[:2])


class GuidedSwinBlock(nn.Module):
    """
    Guided attention inside the windows of a grid, then a perceptron; each with a norm in front.

    Args:
        window: side of a window (cells).
        shift: the grid of windows starts this many cells further down and to the right.
        shrink: a map no larger than a window is one window, without shift. Else, as in the
            mmsegmentation port, it is padded and shifted like any other.
    """

    def __init__(
        self,
        dim: int,
        guidance_dim: int,
        heads: int,
        *,
        window: int,
        shift: int,
        shrink: bool = True,
    ) -> None:
        super().__init__()
        self.window = window
        self.shift = shift
        self.shrink = shrink
        self.norm1 = nn.LayerNorm(dim)
        self.attn = GuidedWindowAttention(dim, guidance_dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, 4 * dim)

    def forward(self, x: Tensor, guidance: Tensor | None) -> Tensor:
        """
        Args:
            x: (B, k, h, w, C).
            guidance: (B, k, h, w, G), or (B, 1, h, w, G) for all classes of an image; None without.

        Returns:
            Tensor: (B, k, h, w, C).
        """
        x = x + self._attend(self.norm1(x), guidance)
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Tensor, guidance: Tensor | None) -> Tensor:
        height, width = x.shape[2:4]
        window, shift = self.window, self.shift
        if self.shrink and min(height, width) <= window:
            window, shift = min(height, width), 0
        padded = (height + -height % window, width + -width % window)
        mask = shift_mask(padded, window, shift, x) if shift else None
        guidance = None if guidance is None else _windows(guidance, padded, window, shift)
        cells = self.attn(_windows(x, padded, window, shift), guidance, mask)
        maps = window_reverse(
            cells.reshape(-1, window, window, x.shape[-1]), (window, window), *padded
        )
        maps = torch.roll(maps, (shift, shift), (1, 2))[:, :height, :width]
        return maps.unflatten(0, x.shape[:2])


class SpatialAggregation(nn.Module):
    """
    Two blocks, the second shifted by half a window.

    Args:
        dim: C.
        guidance_dim: G; 0 for none.
        heads, window, shrink: as in `GuidedSwinBlock`.
    """

    def __init__(
        self, dim: int, guidance_dim: int, heads: int, *, window: int, shrink: bool = True
    ) -> None:
        super().__init__()
        self.guidance_norm = nn.LayerNorm(guidance_dim) if guidance_dim else None
        self.blocks = nn.ModuleList(
            GuidedSwinBlock(dim, guidance_dim, heads, window=window, shift=shift, shrink=shrink)
            for shift in (0, window // 2)
        )

    def forward(self, x: Tensor, guidance: Tensor | None) -> Tensor:
        """
        Args:
            x: (B, k, h, w, C), maps of k classes.
            guidance: (B, k, h, w, G), or (B, 1, h, w, G) for all classes of an image; None without.

        Returns:
            Tensor: (B, k, h, w, C).
        """
        if guidance is not None and self.guidance_norm is not None:
            guidance = self.guidance_norm(guidance)
        for block in self.blocks:
            x = block(x, guidance)
        return x


def _windows(x: Tensor, padded: tuple[int, int], window: int, shift: int) -> Tensor:
    """(B, k, h, w, C), padded with zeros and rolled up -> (B, k, windows, cells, C)"""
    height, width = x.shape[2:4]
    maps = F.pad(x.flatten(0, 1), (0, 0, 0, padded[1] - width, 0, padded[0] - height))
    maps = torch.roll(maps, (-shift, -shift), (1, 2))
    cells = window_partition(maps, (window, window)).flatten(1, 2)
    return cells.unflatten(0, (*x.shape[:2], -1))
