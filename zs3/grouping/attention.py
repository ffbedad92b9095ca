"""
The two residual blocks that transformers are stacked from: attention and feed-forward.

Both normalise what they add to (post-norm, DETR's default) or what they read (pre-norm).
Tokens are (B, M, C), queries (B, N, C).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.config import CfgNode


@dataclass(frozen=True)
class BlockSpec:
    """
    Attributes:
        dim: width C of the tokens.
        heads: of the attention; a divisor of `dim`.
        dim_feedforward: hidden width of the feed-forward block.
        dropout: of attention weights, of hidden units, and of what a block adds.
        pre_norm: normalise before each block instead of after it.
    """

    dim: int
    heads: int
    dim_feedforward: int
    dropout: float = 0.0
    pre_norm: bool = False

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(
                f"{self.dim} channels cannot be shared among {self.heads} heads; use a divisor."
            )

    @classmethod
    def from_config(cls, cfg: CfgNode, dim: int) -> BlockSpec:
        """Blocks of width `dim`, otherwise as MODEL.QUERY_DECODER says."""
        decoder = cfg.MODEL.QUERY_DECODER
        return cls(
            dim=dim,
            heads=decoder.NHEADS,
            dim_feedforward=decoder.DIM_FEEDFORWARD,
            dropout=decoder.DROPOUT,
            pre_norm=decoder.PRE_NORM,
        )


class Attention(nn.Module):
    """
    softmax(q k^T / sqrt(C / heads)) v, for every head's share of the channels.

    Query, key and value are projected by one matrix (rows in this order), initialised as one.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attend: Tensor | None = None
    ) -> Tensor:
        """
        Args:
            query: (B, N, C).
            key, value: (B, M, C).
            attend: (B, N, M) bool, which tokens a query may look at, at least one; all if left out.

        Returns:
            Tensor: (B, N, C).
        """
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(tokens, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for tokens, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        mask = None if attend is None else attend[:, None]
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class AttentionBlock(nn.Module):
    """x + attention(x); positions are added to queries and keys, not to values."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.attention = Attention(spec.dim, spec.heads, spec.dropout)
        self.norm = nn.LayerNorm(spec.dim)
        self.dropout = nn.Dropout(spec.dropout)
        self.pre_norm = spec.pre_norm

    def forward(
        self,
        x: Tensor,
        position: Tensor,
        memory: Tensor | None = None,
        memory_position: Tensor | None = None,
        attend: Tensor | None = None,
    ) -> Tensor:
        """
        Args:
            x: (B, N, C).
            position: (N, C) or (B, N, C).
            memory: (B, M, C) to attend to; x itself if left out.
            memory_position: (M, C) or (B, M, C); needed with `memory`.
            attend: as for `Attention`.

        Returns:
            Tensor: (B, N, C).
        """
        read = self.norm(x) if self.pre_norm else x
        if memory is None or memory_position is None:
            memory, memory_position = read, position
        found = self.attention(read + position, memory + memory_position, memory, attend)
        x = x + self.dropout(found)
        return x if self.pre_norm else self.norm(x)


class FeedForwardBlock(nn.Module):
    """x + linear2(relu(linear1(x))), token by token."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.linear1 = nn.Linear(spec.dim, spec.dim_feedforward)
        self.linear2 = nn.Linear(spec.dim_feedforward, spec.dim)
        self.norm = nn.LayerNorm(spec.dim)
        self.dropout = nn.Dropout(spec.dropout)
        self.pre_norm = spec.pre_norm
        nn.init.xavier_uniform_(self.linear1.weight)
        nn.init.xavier_uniform_(self.linear2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        read = self.norm(x) if self.pre_norm else x
        hidden = self.dropout(self.linear1(read).relu())
        x = x + self.dropout(self.linear2(hidden))
        return x if self.pre_norm else self.norm(x)
