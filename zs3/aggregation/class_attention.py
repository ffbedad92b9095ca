"""
Attention of classes to each other, in two steps, so that classes can come a slice at a time.

What keys and values come to is a `Context`. Contexts of slices are joined, and every slice of
queries then attends to all classes: the same result as at once. Tensors are (..., classes, heads,
channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

Context = tuple[Tensor, Tensor]


class ClassAttention(Protocol):
    def context(self, keys: Tensor, values: Tensor) -> Context:
        """Keys (..., S, heads, c) and values (..., S, heads, c') of a slice of S classes."""

    def join(self, contexts: Sequence[Context]) -> Context:
        """Contexts of slices into that of all classes; leading axes of 1 are for all of them."""

    def attend(self, queries: Tensor, context: Context) -> Tensor:
        """Queries (..., L, heads, c) -> (..., L, heads, c')."""


class LinearAttention:
    """
    phi(q) . sum_s phi(k_s) v_s^T / (phi(q) . sum_s phi(k_s)) with phi = elu + 1 (arXiv 2006.16236).

    A context is those two sums: its size does not depend on the number of classes.
    """

    def context(self, keys: Tensor, values: Tensor) -> Context:
        keys = F.elu(keys) + 1
        return torch.einsum("...shc,...shd->...hcd", keys, values), keys.sum(-3)

    def join(self, contexts: Sequence[Context]) -> Context:
        numerators, denominators = zip(*contexts, strict=True)
        return sum(numerators[1:], numerators[0]), sum(denominators[1:], denominators[0])

    def attend(self, queries: Tensor, context: Context) -> Tensor:
        queries = F.elu(queries) + 1
        numerator = torch.einsum("...lhc,...hcd->...lhd", queries, context[0])
        denominator = torch.einsum("...lhc,...hc->...lh", queries, context[1]) + 1e-6
        return numerator / denominator[..., None]


class FullAttention:
    """Softmax attention. A context is all keys and all values."""

    def context(self, keys: Tensor, values: Tensor) -> Context:
        return keys, values

    def join(self, contexts: Sequence[Context]) -> Context:
        leading = torch.broadcast_shapes(*(keys.shape[:-3] for keys, _ in contexts))
        keys, values = (
            torch.cat([part.expand(*leading, -1, -1, -1) for part in parts], dim=-3)
            for parts in zip(*contexts, strict=True)
        )
        return keys, values

    def attend(self, queries: Tensor, context: Context) -> Tensor:
        leading = queries.shape[:-3]
        q, k, v = (
            x.expand(*leading, -1, -1, -1).flatten(0, -4).transpose(1, 2)
            for x in (queries, *context)
        )
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).unflatten(0, leading)


ATTENTIONS: dict[str, ClassAttention] = {"linear": LinearAttention(), "full": FullAttention()}
