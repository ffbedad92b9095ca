"""Attention of classes: worked values, slices, and what leading axes of 1 mean."""

from __future__ import annotations

import math

import pytest
import torch

from zs3.aggregation.class_attention import FullAttention, LinearAttention

BOTH = pytest.mark.parametrize("attention", [LinearAttention(), FullAttention()])


def test_linear_attention_by_hand() -> None:
    """One channel: phi(0) = 1, phi(1) = 2; (1 * 1 * 10 + 1 * 2 * 40) / (1 * (1 + 2))."""
    keys = torch.tensor([0.0, 1.0]).view(2, 1, 1)
    values = torch.tensor([10.0, 40.0]).view(2, 1, 1)
    attention = LinearAttention()
    context = attention.join([attention.context(keys, values)])
    got = attention.attend(torch.zeros(1, 1, 1), context)
    assert got.item() == pytest.approx(30.0, abs=1e-4)


def test_full_attention_by_hand() -> None:
    """Logits 0 and ln 3 (one channel: no scale): weights 1/4 and 3/4."""
    keys = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1)
    values = torch.tensor([4.0, 8.0]).view(1, 2, 1, 1)
    attention = FullAttention()
    context = attention.join([attention.context(keys, values)])
    got = attention.attend(torch.ones(1, 1, 1, 1), context)
    assert got.item() == pytest.approx(7.0)


@BOTH
def test_slices_of_classes_change_nothing(attention) -> None:
    q, k, v = (torch.randn(2, 3, K, 4, 5) for K in (7, 6, 6))
    expected = attention.attend(q, attention.join([attention.context(k, v)]))
    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    context = attention.join([attention.context(k[..., p, :, :], v[..., p, :, :]) for p in parts])
    got = torch.cat(
        [attention.attend(q[..., p, :, :], context) for p in (slice(3), slice(3, 7))], -3
    )
    torch.testing.assert_close(got, expected)


@BOTH
def test_a_class_that_all_cells_share_is_as_one_of_each(attention) -> None:
    q, k, v = (torch.randn(2, 3, 4, 1, 5) for _ in "qkv")
    shared_k, shared_v = (torch.randn(1, 1, 2, 1, 5) for _ in "kv")
    everywhere = [
        attention.context(x.expand(2, 3, 2, 1, 5), y.expand(2, 3, 2, 1, 5))
        for x, y in [(shared_k, shared_v)]
    ]
    own = attention.context(k, v)
    expected = attention.attend(q, attention.join([own, *everywhere]))
    got = attention.attend(q, attention.join([own, attention.context(shared_k, shared_v)]))
    torch.testing.assert_close(got, expected)
