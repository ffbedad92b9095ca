"""
Queries, keys and values of attention with weights of their own.

torch stacks the three into one parameter, which is trained as a whole or not at all. CAT-Seg trains
queries and values and leaves the keys (arXiv 2303.11797, table 6).
"""

from __future__ import annotations

import torch
from open_clip.transformer import ResidualAttentionBlock
from torch import nn

NAMES = ("q_proj_weight", "k_proj_weight", "v_proj_weight")


class SplitAttention(nn.MultiheadAttention):
    """
    The same attention as another, whose `in_proj_weight` becomes `q_proj_weight`, `k_proj_weight`
    and `v_proj_weight`. Biases stay stacked.
    """

    def __init__(self, stacked: nn.MultiheadAttention) -> None:
        super().__init__(
            stacked.embed_dim, stacked.num_heads, batch_first=stacked.batch_first, bias=True
        )
        weight = stacked.in_proj_weight
        self._qkv_same_embed_dim = False  # torch's word for weights of their own
        self.register_parameter("in_proj_weight", None)
        for name, part in zip(NAMES, weight.detach().chunk(3), strict=True):
            setattr(self, name, nn.Parameter(part.clone(), weight.requires_grad))
        self.in_proj_bias = stacked.in_proj_bias
        self.out_proj = stacked.out_proj
        self.train(stacked.training)


def split_attention(clip: nn.Module) -> None:
    """Splits the attention of every block of a CLIP, in place."""
    for block in clip.modules():
        if isinstance(block, ResidualAttentionBlock):
            block.attn = SplitAttention(block.attn)


def value_weight(attention: nn.MultiheadAttention) -> torch.Tensor:
    """W_v, (C, C), of either kind."""
    if isinstance(attention, SplitAttention):
        return attention.v_proj_weight
    return attention.in_proj_weight.chunk(3)[2]
