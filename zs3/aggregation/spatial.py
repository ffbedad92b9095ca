"""
Spatial aggregation: the scores of one class look at each other, cell by cell.

Two Swin blocks (arXiv 2103.14030) whose queries and keys, though not values, see the image
(CAT-Seg, arXiv 2303.11797, section 3.2). No position biases. M maps, one a class of an image;
h w cells of C channels; G channels of guidance.
"""

from __future__ import annotations

import torch
from timm.layers import Mlp
from timm.models.swin_transformer import window_partition, window_reverse
from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone.swin import shift_mask


class GuidedWindowAttention(nn.Module):
    """Attention inside windows; queries and keys are of [cells; guidance], values of cells."""

    def __init__(self, dim: int, guidance_dim: int, heads: int) -> None:
        super().__init__()
        self.dim = dim
        self.heads = heads
        self.q = nn.Linear(dim + guidance_dim, dim)
        self.k = nn.Linear(dim + guidance_dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, cells: Tensor, mask: Tensor | None) -> Tensor:
        """
        Args:
            cells: (M, windows, cells, C + G).
            mask: (windows, cells, cells), added to the attention logits.

        Returns:
            Tensor: (M, windows, cells, C).
        """
        windows = cells.shape[1]
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(2, 3).flatten(1, 2)
            for x in (self.q(cells), self.k(cells), self.v(cells[..., : self.dim]))
        )  # (M, windows * heads, cells, C / heads)
        if mask is not None:
            mask = mask.repeat_interleave(self.heads, dim=0)[None]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(attended.unflatten(1, (windows, -1)).transpose(2, 3).flatten(3))


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
        """(M, h, w, C), and (M, h, w, G) if there is guidance -> (M, h, w, C)"""
        guided = self.norm1(x)
        if guidance is not None:
            guided = torch.cat([guided, guidance], dim=-1)
        x = x + self._attend(guided)
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Tensor) -> Tensor:
        maps, height, width, _ = x.shape
        window, shift = self.window, self.shift
        if self.shrink and min(height, width) <= window:
            window, shift = min(height, width), 0
        x = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
        padded = (x.shape[1], x.shape[2])
        mask = shift_mask(padded, window, shift, x) if shift else None
        x = torch.roll(x, (-shift, -shift), (1, 2))
        cells = window_partition(x, (window, window)).flatten(1, 2)
        cells = self.attn(cells.unflatten(0, (maps, -1)), mask)
        cells = cells.reshape(-1, window, window, cells.shape[-1])
        x = torch.roll(window_reverse(cells, (window, window), *padded), (shift, shift), (1, 2))
        return x[:, :height, :width]


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
        maps = x.flatten(0, 1)
        if guidance is not None and self.guidance_norm is not None:
            guidance = self.guidance_norm(guidance).expand(-1, x.shape[1], -1, -1, -1)
            guidance = guidance.flatten(0, 1)
        for block in self.blocks:
            maps = block(maps, guidance)
        return maps.unflatten(0, x.shape[:2])
