from __future__ import annotations

from pathlib import Path

import miniature
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from zs3.engine.clipping import clip_full_model
from zs3.engine.schedule import Schedule
from zs3.engine.steps import Batch, SupervisedStep


class Mean(nn.Module):
    """loss = mean of w * x, so the gradient is the mean of x."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(2.0))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        x = torch.tensor([sample["x"] for sample in batch])
        return {"loss_half": (self.w * x).mean() / 2, "loss_rest": (self.w * x).mean() / 2}


def step(model: nn.Module, **options: object) -> SupervisedStep:
    optimizer = SGD(model.parameters(), lr=0.5)
    return SupervisedStep(model, optimizer, Schedule(optimizer, lambda t: 0.1**t), **options)


def samples(*values: float) -> Batch:
    return [{"x": value} for value in values]


def test_one_update_by_hand() -> None:
    model = Mean()
    supervised = step(model)

    values = supervised([samples(1.0, 3.0)])

    assert {name: value.item() for name, value in values.items()} == {
        "total_loss": 4.0,
        "loss_half": 2.0,
        "loss_rest": 2.0,
        "grad_norm": 2.0,
    }
    assert not any(value.requires_grad for value in values.values())
    assert model.w.item() == 1.0
    assert supervised.lr == pytest.approx(0.05)


def test_two_half_batches_are_one_whole() -> None:
    whole, halves = Mean(), Mean()

    expected = step(whole)([samples(1.0, 3.0, 5.0, 8.0)])
    got = step(halves)([samples(1.0, 3.0), samples(5.0, 8.0)])

    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(halves.w, whole.w)


def test_gradients_of_earlier_steps_are_gone() -> None:
    model = Mean()
    supervised = step(model)

    supervised([samples(1.0)])
    second = supervised([samples(4.0)])

    assert second["grad_norm"].item() == 4.0


def test_clipping_comes_before_the_update() -> None:
    model = Mean()

    values = step(model, clipping=clip_full_model(0.25))([samples(3.0)])

    assert values["grad_norm"].item() == 3.0
    assert model.w.item() == pytest.approx(2 - 0.5 * 0.25)


def test_mixed_precision_is_for_the_forward_pass_only() -> None:
    kinds = []

    class Recording(nn.Linear):
        def forward(self, batch: Batch) -> dict[str, Tensor]:
            out = super().forward(torch.tensor([[sample["x"]] for sample in batch]))
            kinds.append(out.dtype)
            return {"loss": out.mean()}

    model = Recording(1, 1)

    values = step(model, autocast=torch.bfloat16)([samples(1.0, 2.0)])

    assert kinds == [torch.bfloat16]
    assert model.weight.grad.dtype == torch.float32
    assert values["total_loss"].dtype == torch.float32


def test_half_precision_scales_losses_and_skips_what_overflows() -> None:
    model = Mean()
    supervised = step(model, autocast=torch.float16)

    values = supervised([samples(1.0, 3.0)])
    assert model.w.item() == 1.0
    assert "grad_norm" not in values

    scale = supervised.scaler.get_scale()
    supervised([samples(float("inf"))])
    assert model.w.item() == 1.0
    assert supervised.scaler.get_scale() == scale / 2


def test_the_step_of_a_configuration(tmp_path: Path) -> None:
    model = Mean()
    options = ("SOLVER.AMP.ENABLED", True, "SOLVER.CLIP_GRADIENTS.ENABLED", True)
    sgd = ("SOLVER.OPTIMIZER", "SGD", "SOLVER.BASE_LR", 1.0, "SOLVER.WEIGHT_DECAY", 0.0)
    cfg = miniature.config(tmp_path, *options, "SOLVER.CLIP_GRADIENTS.CLIP_VALUE", 0.5, *sgd)

    supervised = SupervisedStep.from_config(cfg, model)
    supervised([samples(4.0)])

    assert supervised.autocast == torch.bfloat16
    assert model.w.item() == 1.5
    assert set(supervised.parts()) == {"optimizer", "scheduler", "scaler"}
