"""Class aggregation: what it is without its layers, slices, padding, pooling, refusals."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn

from zs3.aggregation.classes import ClassAggregation

B, K, H, W, C, G = 2, 5, 4, 6, 8, 3


def layer(**options) -> ClassAggregation:
    torch.manual_seed(0)
    made = ClassAggregation(C, G, 2, **options)
    for name, parameter in made.named_parameters():
        if name.startswith("padding"):
            nn.init.normal_(parameter)
    return made


def run(made: ClassAggregation, x: Tensor, guidance: Tensor | None, size: int = 99) -> Tensor:
    parts = [slice(i, i + size) for i in range(0, x.shape[1], size)]
    pairs = [(x[:, p], None if guidance is None else guidance[:, p]) for p in parts]
    contexts = [made.context(*pair) for pair in pairs]
    if padding := made.padding(x.shape[1]):
        contexts.append(padding)
    context = functools.reduce(made.join, contexts)
    return torch.cat([made(*pair, context) for pair in pairs], dim=1)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(B, K, H, W, C)


@pytest.fixture
def guidance() -> Tensor:
    return torch.randn(B, K, G)


@torch.no_grad()
def test_with_weights_of_zero_the_input_is_counted_twice(x, guidance) -> None:
    made = layer()
    for parameter in made.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(run(made, x, guidance), 2 * x)


@torch.no_grad()
def test_the_port_adds_the_normalised_input_of_its_perceptron(x, guidance) -> None:
    made = layer(mlp_identity=True)
    for name, parameter in made.named_parameters():
        if not name.startswith("norm2"):
            nn.init.zeros_(parameter)
    expected = 2 * x + nn.functional.layer_norm(x, (C,))
    torch.testing.assert_close(run(made, x, guidance), expected)


@pytest.mark.parametrize("attention", ["linear", "full"])
@pytest.mark.parametrize("pad_to", [0, 8])
@torch.no_grad()
def test_slices_change_nothing(x, guidance, attention, pad_to) -> None:
    made = layer(attention=attention, pool=(2, 2), pad_to=pad_to)
    torch.testing.assert_close(run(made, x, guidance, 2), run(made, x, guidance))


@torch.no_grad()
def test_classes_may_come_in_any_order(x, guidance) -> None:
    made, order = layer(pad_to=9), torch.tensor([3, 0, 4, 1, 2])
    got = run(made, x[:, order], guidance[:, order])
    torch.testing.assert_close(got, run(made, x, guidance)[:, order])


@torch.no_grad()
def test_padding_counts_only_where_classes_are_missing(x, guidance) -> None:
    plain, padded = layer(), layer(pad_to=K)
    padded.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(run(padded, x, guidance), run(plain, x, guidance))
    padded.pad_to = K + 1
    assert not torch.allclose(run(padded, x, guidance), run(plain, x, guidance))


@torch.no_grad()
def test_without_guidance_and_where_nothing_divides() -> None:
    made = ClassAggregation(C, 0, 2, pool=(2, 3), pad_to=4)
    x = torch.randn(1, 2, 5, 7, C)
    assert run(made, x, None).shape == x.shape


def test_the_padding_is_trained(x, guidance) -> None:
    made = layer(pad_to=8)
    run(made, x, guidance).sum().backward()
    assert made.padding_tokens.grad.abs().sum() > 0
    assert made.padding_guidance.grad.abs().sum() > 0


def test_refusals() -> None:
    with pytest.raises(
        ValueError, match="no class attention is called 'soft'; there are linear, full"
    ):
        ClassAggregation(C, G, 2, attention="soft")
    with pytest.raises(ValueError, match=r"pools \(0, 2\) cells; expected 1 or more"):
        ClassAggregation(C, G, 2, pool=(0, 2))
