"""DETR's transformer (arXiv 2005.12872, figure 10): an encoder for a map, queries that read it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .attention import AttentionBlock, BlockSpec, FeedForwardBlock


class EncoderLayer(nn.Module):
    """Self-attention among the tokens of a map, then the feed-forward block."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.self_attention = AttentionBlock(spec)
        self.feed_forward = FeedForwardBlock(spec)

    def forward(self, tokens: Tensor, position: Tensor) -> Tensor:
        """(B, M, C) -> (B, M, C)."""
        return self.feed_forward(self.self_attention(tokens, position))


class Encoder(nn.Module):
    """
    Args:
        num_layers: 0 leaves a map as it is, except that pre-norm's final norm remains.
    """

    def __init__(self, num_layers: int, spec: BlockSpec) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(spec) for _ in range(num_layers))
        self.norm = nn.LayerNorm(spec.dim) if spec.pre_norm else nn.Identity()

    def forward(self, features: Tensor, position: Tensor) -> Tensor:
        """
        Args:
            features: (B, C, h, w).
            position: (C, h, w) or (B, C, h, w).

        Returns:
            Tensor: (B, C, h, w).
        """
        tokens, position = map_tokens(features), map_tokens(position)
        for layer in self.layers:
            tokens = layer(tokens, position)
        return self.norm(tokens).mT.unflatten(2, features.shape[2:])


class DecoderLayer(nn.Module):
    """Self-attention among queries, cross-attention to the memory, then the feed-forward block."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.self_attention = AttentionBlock(spec)
        self.cross_attention = AttentionBlock(spec)
        self.feed_forward = FeedForwardBlock(spec)

    def forward(
        self, x: Tensor, query_position: Tensor, memory: Tensor, memory_position: Tensor
    ) -> Tensor:
        """(B, N, C) queries that read (B, M, C) -> (B, N, C)."""
        x = self.self_attention(x, query_position)
        x = self.cross_attention(x, query_position, memory, memory_position)
        return self.feed_forward(x)


class Decoder(nn.Module):
    """Layers whose every output goes through one final norm."""

    def __init__(self, num_layers: int, spec: BlockSpec) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(spec) for _ in range(num_layers))
        self.norm = nn.LayerNorm(spec.dim)

    def forward(self, queries: Tensor, memory: Tensor, memory_position: Tensor) -> Tensor:
        """
        Args:
            queries: (N, C), their position codes; what they hold starts at zero.
            memory: (B, C, h, w).
            memory_position: (C, h, w) or (B, C, h, w).

        Returns:
            Tensor: (L, B, N, C), the queries after each of L layers.
        """
        memory, memory_position = map_tokens(memory), map_tokens(memory_position)
        x = queries.new_zeros(len(memory), *queries.shape)
        states = []
        for layer in self.layers:
            x = layer(x, queries, memory, memory_position)
            states.append(x)
        return self.norm(torch.stack(states))


class Transformer(nn.Module):
    """Encoder, then decoder; `spec` sets the blocks of both."""

    def __init__(self, spec: BlockSpec, *, enc_layers: int, dec_layers: int) -> None:
        super().__init__()
        self.encoder = Encoder(enc_layers, spec)
        self.decoder = Decoder(dec_layers, spec)

    def forward(self, features: Tensor, position: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            features: (B, C, h, w).
            position: (C, h, w) or (B, C, h, w).
            queries: (N, C).

        Returns:
            tuple[Tensor, Tensor]: queries (L, B, N, C) as from `Decoder`, and the map (B, C, h, w)
            as from `Encoder`.
        """
        memory = self.encoder(features, position)
        return self.decoder(queries, memory, position), memory


def map_tokens(features: Tensor) -> Tensor:
    """(..., C, h, w) -> (..., h * w, C), row by row."""
    return features.flatten(-2).mT
