"""
Class aggregation: the scores of one cell look at each other, class by class.

CAT-Seg, arXiv 2303.11797, section 3.3. There are no positions along the classes, so any number in
any order may come. Shape letters: B images, k of K classes, h w cells of C channels, G channels of
text guidance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .class_attention import ATTENTIONS, Context
from .guided import guided_linear


class ClassAggregation(nn.Module):
    """
    A transformer layer over the classes of each cell, on pooled maps.

    Called in two steps, so that classes may come in slices: `context` of each slice and of the
    `padding`, joined; then `forward` of each slice. Its residual is added to the input once more,
    since the pooled maps carry it already: this is how the published weights were trained.

    Args:
        dim: C.
        guidance_dim: G; 0 for none.
        heads: attention heads.
        attention: "linear", or "full" (whose memory grows with K).
        pool: cells of a side that are averaged into one first.
        pad_to: fewer classes than that are filled up with copies of a learned one (CAT-Seg v2).
        mlp_identity: add the perceptron's normalised input to its output; a slip of the
            mmsegmentation port that its weights were trained with.

    Raises:
        ValueError: an unknown attention, or a pool below 1.
    """

    def __init__(
        self,
        dim: int,
        guidance_dim: int,
        heads: int,
        *,
        attention: str = "linear",
        pool: tuple[int, int] = (1, 1),
        pad_to: int = 0,
        mlp_identity: bool = False,
    ) -> None:
        super().__init__()
        if attention not in ATTENTIONS:
            raise ValueError(
                f"no class attention is called {attention!r}; there are {', '.join(ATTENTIONS)} "
                "(MODEL.AGGREGATION.CLASS_ATTENTION)."
            )
        if min(pool) < 1:
            raise ValueError(
                f"class aggregation pools {tuple(pool)} cells; expected 1 or more "
                "(MODEL.AGGREGATION.POOLING)."
            )
        self.attention = ATTENTIONS[attention]
        self.heads = heads
        self.pool = tuple(pool)
        self.pad_to = pad_to
        self.mlp_identity = mlp_identity
        self.norm1 = nn.LayerNorm(dim)
        self.q = nn.Linear(dim + guidance_dim, dim)
        self.k = nn.Linear(dim + guidance_dim, dim)
        self.v = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))
        if pad_to:
            self.padding_tokens = nn.Parameter(torch.zeros(1, 1, dim))
            if guidance_dim:
                self.padding_guidance = nn.Parameter(torch.zeros(1, 1, guidance_dim))

    def context(self, x: Tensor, guidance: Tensor | None) -> Context:
        """
        What a slice of classes contributes to the attention of all.

        Args:
            x: (B, k, h, w, C).
            guidance: (B, k, G), or None without.
        """
        return self._context(self._pooled(x), guidance)

    def padding(self, num_classes: int) -> Context | None:
        """What the padding of K classes contributes; None where there is none."""
        missing = self.pad_to - num_classes
        if missing <= 0:
            return None
        token = self.padding_tokens[:, None, None].expand(-1, -1, -1, missing, -1)
        guidance = None
        if hasattr(self, "padding_guidance"):
            guidance = self.padding_guidance.expand(-1, missing, -1)
        return self._context(token, guidance)

    def join(self, first: Context, second: Context) -> Context:
        """What both contribute; there is only ever one context of many slices in memory."""
        return self.attention.join([first, second])

    def forward(self, x: Tensor, guidance: Tensor | None, context: Context) -> Tensor:
        """
        Args:
            x, guidance: as for `context`.
            context: of all classes.

        Returns:
            Tensor: (B, k, h, w, C).
        """
        pooled = self._pooled(x)
        queries = self._split(_guided(self.q, self.norm1(pooled), guidance))
        pooled = pooled + self.attention.attend(queries, context).flatten(-2)
        inner = self.norm2(pooled)
        pooled = pooled + self.mlp(inner)
        if self.mlp_identity:
            pooled = pooled + inner
        return x + self._enlarged(pooled, x)

    def _context(self, pooled: Tensor, guidance: Tensor | None) -> Context:
        normed = self.norm1(pooled)
        keys = self._split(_guided(self.k, normed, guidance))
        return self.attention.context(keys, self._split(self.v(normed)))

    def _pooled(self, x: Tensor) -> Tensor:
        """(B, k, h, w, C) -> (B, h', w', k, C)"""
        if self.pool != (1, 1):
            maps = x.flatten(0, 1).permute(0, 3, 1, 2)
            maps = F.avg_pool2d(maps, self.pool).permute(0, 2, 3, 1)
            x = maps.unflatten(0, x.shape[:2])
        return x.permute(0, 2, 3, 1, 4)

    def _enlarged(self, pooled: Tensor, like: Tensor) -> Tensor:
        """(B, h', w', k, C) -> (B, k, h, w, C)"""
        x = pooled.permute(0, 3, 1, 2, 4)
        if x.shape == like.shape:
            return x
        maps = x.flatten(0, 1).permute(0, 3, 1, 2)
        size = (like.shape[2], like.shape[3])
        maps = F.interpolate(maps, size, mode="bilinear", align_corners=True)
        return maps.permute(0, 2, 3, 1).unflatten(0, like.shape[:2])

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1))


def _guided(layer: nn.Linear, normed: Tensor, guidance: Tensor | None) -> Tensor:
    """(B, h', w', k, C) -> the same, all cells of a class with its guidance (B, k, G)"""
    return guided_linear(layer, normed, None if guidance is None else guidance[:, None, None])
