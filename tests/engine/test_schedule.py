from __future__ import annotations

import math
from pathlib import Path

import miniature
import pytest
import torch
from torch.optim import SGD

from zs3.config import get_config
from zs3.engine.schedule import (
    Schedule,
    build_schedule,
    cosine,
    held,
    lr_factor,
    poly,
    poly_to,
    ramp,
    steps,
    warmed,
)


def test_poly_by_hand() -> None:
    factor = poly(10, power=2.0, end=0.0, ramp=ramp(1.0, 0))

    assert [factor(t) for t in (0, 5, 9, 10, 11)] == pytest.approx([1.0, 0.25, 0.01, 0.0, 0.0])


def test_a_rate_may_be_held_for_an_epoch() -> None:
    factor = held(poly(10, power=1.0, end=0.0, ramp=ramp(1.0, 0)), 4)

    assert [factor(t) for t in range(9)] == pytest.approx([1.0] * 4 + [0.6] * 4 + [0.2])


def test_a_rate_is_held_for_an_iteration_at_least() -> None:
    with pytest.raises(ValueError, match=r"SOLVER\.LR_PERIOD is 0; expected 1 or more"):
        build_schedule(get_config(opts=["SOLVER.LR_PERIOD", "0"]), SGD([torch.zeros(1)], lr=1.0))


def test_poly_ends_in_a_constant() -> None:
    factor = poly(10, power=1.0, end=0.25, ramp=ramp(1.0, 0))

    assert [factor(t) for t in (0, 5, 7, 8, 10)] == pytest.approx([1.0, 0.5, 0.3, 0.25, 0.25])


def test_a_ramp_multiplies_poly_and_holds_the_constant_back() -> None:
    factor = poly(10, power=1.0, end=0.95, ramp=ramp(0.5, 2))

    # 0.5 * 1, 0.75 * 0.9, then max(0.8, 0.95)
    assert [factor(t) for t in range(3)] == pytest.approx([0.5, 0.675, 0.95])


def test_poly_to_an_end_never_is_constant() -> None:
    factor = poly_to(10, power=2.0, end=0.2, ramp=ramp(0.5, 2))

    # 0.5 * 1, 0.75 * (0.2 + 0.8 * 0.81), then without the ramp
    expected = [0.5, 0.636, 0.712, 0.2 + 0.8 * 0.25, 0.2]
    assert [factor(t) for t in (0, 1, 2, 5, 10)] == pytest.approx(expected)


def test_cosine_by_hand() -> None:
    factor = cosine(12, end=0.1)

    expected = [1.0, 0.1 + 0.9 * (1 + math.cos(math.pi / 3)) / 2, 0.55, 0.1, 0.1]
    assert [factor(t) for t in (0, 4, 6, 12, 13)] == pytest.approx(expected)


def test_steps_by_hand() -> None:
    factor = steps((3, 5), gamma=0.1)

    assert [factor(t) for t in (0, 2, 3, 4, 5, 9)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    with pytest.raises(ValueError, match=r"STEPS is \(5, 3\); expected increasing"):
        steps((5, 3), gamma=0.1)


def test_warm_up_goes_straight_to_where_the_schedule_is_by_then() -> None:
    factor = warmed(lambda t: 1 - t / 10, 0.2, 5)

    # from 0.2 to 0.5 in five iterations
    assert [factor(t) for t in (0, 1, 4, 5, 6)] == pytest.approx([0.2, 0.26, 0.44, 0.5, 0.4])


def test_zero_warm_up_iterations_are_none() -> None:
    assert ramp(0.001, 0)(0) == 1.0
    assert warmed(lambda t: 0.7, 0.001, 0)(0) == 0.7


@pytest.mark.parametrize(
    "name, expected",
    [
        ("WarmupPolyLR", [0.5, 0.75 * 0.9**0.9, 0.8**0.9, 0.5**0.9]),
        ("WarmupCosineLR", [0.5, (0.5 + (1 + math.cos(math.pi / 5)) / 2) / 2, None, 0.5]),
        ("WarmupMultiStepLR", [0.5, 0.75, 1.0, 0.1]),
    ],
)
def test_schedules_of_a_configuration(tmp_path: Path, name: str, expected: list) -> None:
    cfg = miniature.config(
        tmp_path,
        *("SOLVER.LR_SCHEDULER_NAME", name, "SOLVER.MAX_ITER", 10, "SOLVER.STEPS", (5,)),
        *("SOLVER.WARMUP_ITERS", 2, "SOLVER.WARMUP_FACTOR", 0.5),
    )

    factor = lr_factor(cfg)

    for iteration, value in zip((0, 1, 2, 5), expected, strict=True):
        if value is not None:
            assert factor(iteration) == pytest.approx(value)


def test_an_unknown_schedule_is_refused(tmp_path: Path) -> None:
    cfg = miniature.config(tmp_path, "SOLVER.LR_SCHEDULER_NAME", "Linear")

    with pytest.raises(ValueError, match="LR_SCHEDULER_NAME is 'Linear'; expected WarmupPolyLR"):
        lr_factor(cfg)


def test_every_group_follows_from_its_own_rate(tmp_path: Path) -> None:
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = SGD([{"params": weights[:1], "lr": 0.1}, {"params": weights[1:], "lr": 1.0}])
    schedule = build_schedule(miniature.config(tmp_path, "SOLVER.MAX_ITER", 2), optimizer)

    schedule.step()

    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
        [0.1 * 0.5**0.9, 0.5**0.9]
    )


def test_a_resumed_schedule_takes_the_rates_of_the_new_configuration() -> None:
    def schedule(lr: float) -> Schedule:
        return Schedule(SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr), lambda t: 0.5**t)

    first = schedule(1.0)
    first.step()
    second = schedule(0.1)
    second.load_state_dict(first.state_dict())

    assert first.optimizer.param_groups[0]["lr"] == 0.5
    assert second.optimizer.param_groups[0]["lr"] == 0.05
