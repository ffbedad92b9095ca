from __future__ import annotations

import pytest
import torch
from torch import nn

from zs3.engine.ema import WeightAverage


def linear(value: float) -> nn.Linear:
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, value)
    layer.bias.requires_grad = False
    return layer


def test_the_average_by_hand() -> None:
    model = linear(1.0)
    average = WeightAverage(model, decay=0.75)

    for value in (2.0, 4.0):
        nn.init.constant_(model.weight, value)
        average.update()

    # 0.75 * 1 + 0.25 * 2 = 1.25; 0.75 * 1.25 + 0.25 * 4 = 1.9375. The bias is not trained.
    assert {k: v.item() for k, v in average.state_dict().items()} == {"weight": 1.9375}


def test_the_model_has_the_average_inside_only() -> None:
    model = linear(1.0)
    average = WeightAverage(model, decay=0.5)
    nn.init.constant_(model.weight, 3.0)
    weight = model.weight

    with pytest.raises(RuntimeError, match="evaluator"), average.applied():
        assert model.weight.item() == 1.0
        raise RuntimeError("evaluator")

    assert model.weight is weight
    assert model.weight.item() == 3.0
    assert average.state_dict()["weight"].item() == 1.0


def test_a_saved_average_goes_on() -> None:
    model = linear(1.0)
    old, new = WeightAverage(model, decay=0.5), WeightAverage(model, decay=0.5)
    nn.init.constant_(model.weight, 2.0)
    old.update()

    new.load_state_dict({name: value.clone() for name, value in old.state_dict().items()})
    new.update()

    torch.testing.assert_close(new.state_dict()["weight"], torch.tensor([[1.75]]))


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_decays_that_are_none_are_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        WeightAverage(linear(1.0), decay)
