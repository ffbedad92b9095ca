"""
The decoder that aligns class queries with regions, by the attention-to-mask idea of SegViT (arXiv
2210.05844): how much a class attends to a region, before softmax, is the region's logit.

A DETR decoder without self-attention, as in ZegCLIP (arXiv 2212.03588, section 3.2). Letters: K
class queries, N regions (the memory), C width of the queries.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn
from torch.nn import functional as F

from ..grouping.attention import BlockSpec, FeedForwardBlock


class AlignmentLayer(nn.Module):
    """
    Queries that read the memory, then the feed-forward block; both add and then normalise.

    Args:
        spec: of the queries; attention weights and what is added have its dropout.
        memory_dim: width of the memory.
    """

    def __init__(self, spec: BlockSpec, memory_dim: int) -> None:
        super().__init__()
        self.heads = spec.heads
        self.query = nn.Linear(spec.dim, spec.dim)
        self.key = nn.Linear(memory_dim, spec.dim)
        self.value = nn.Linear(memory_dim, spec.dim)
        self.out = nn.Linear(spec.dim, spec.dim)
        self.dropout = nn.Dropout(spec.dropout)
        self.norm = nn.LayerNorm(spec.dim)
        self.feed_forward = FeedForwardBlock(spec)
        for linear in (self.feed_forward.linear1, self.feed_forward.linear2):
            linear.reset_parameters()  # the published start, and not DETR's

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """(B, K, C) queries that read (B, N, memory_dim) -> (B, K, C)."""
        q, k, v = (
            tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for tokens in (self.query(queries), self.key(memory), self.value(memory))
        )
        dropout = self.dropout.p if self.training else 0.0
        found = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        found = self.out(found.transpose(1, 2).flatten(2))
        return self.feed_forward(self.norm(queries + self.dropout(found)))


class AlignmentLogits(nn.Module):
    """
    The attention logits of a last layer, q . k / sqrt(C / heads) in every head, and their mean over
    the heads: one inner product over all channels. What such a layer would do with them next has no
    influence on anything, so it has no more parameters than these.
    """

    def __init__(self, dim: int, memory_dim: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(memory_dim, dim)
        self.scale = (dim // heads) ** -0.5 / heads

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """(B, K, C) queries and (B, N, memory_dim) -> (B, K, N)."""
        return self.scale * self.query(queries) @ self.key(memory).mT


class AlignmentDecoder(nn.Module):
    """
    Args:
        num_layers: the last of them gives the logits. The others start as copies of one layer.
        spec, memory_dim: of the layers.

    Raises:
        ValueError: no layer.
    """

    def __init__(self, num_layers: int, spec: BlockSpec, memory_dim: int) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(
                f"a decoder of {num_layers} layers gives no logits; expected 1 or more "
                "(MODEL.CASCADE.LAYERS)."
            )
        layer = AlignmentLayer(spec, memory_dim)
        self.layers = nn.ModuleList(copy.deepcopy(layer) for _ in range(num_layers - 1))
        self.logits = AlignmentLogits(spec.dim, memory_dim, spec.heads)
        self.logits.query.load_state_dict(layer.query.state_dict())
        self.logits.key.load_state_dict(layer.key.state_dict())

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """(B, K, C) queries and (B, N, memory_dim) -> logits (B, K, N)."""
        for layer in self.layers:
            queries = layer(queries, memory)
        return self.logits(queries, memory)
