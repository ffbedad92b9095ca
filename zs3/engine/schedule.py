"""
Learning rates over a run: factors of the base rate as pure functions of the iteration.

Names and meanings are Detectron2's, including how each of them combines with the warm-up, but for
`poly_to`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from torch.optim import Optimizer

from ..runtime.config import CfgNode

Factor = Callable[[int], float]


def poly(max_iter: int, *, power: float, end: float, ramp: Factor) -> Factor:
    """(1 - t/T)^power, never below `end` once the ramp, which multiplies it, is over."""

    def factor(iteration: int) -> float:
        value = max(0.0, 1 - iteration / max_iter) ** power
        warm = ramp(iteration)
        return max(value, end) if warm == 1.0 else warm * value

    return factor


def poly_to(max_iter: int, *, power: float, end: float, ramp: Factor) -> Factor:
    """
    From 1 to `end` as (1 - t/T)^power, times the ramp: MMSegmentation's, which never is constant.
    """

    def factor(iteration: int) -> float:
        left = max(0.0, 1 - iteration / max_iter) ** power
        return ramp(iteration) * (end + (1 - end) * left)

    return factor


def cosine(max_iter: int, *, end: float) -> Factor:
    """From 1 to `end` along half a cosine."""
    return lambda t: end + (1 - end) * (1 + math.cos(math.pi * min(1.0, t / max_iter))) / 2


def steps(milestones: Sequence[int], *, gamma: float) -> Factor:
    """
    Times gamma at every milestone.

    Raises:
        ValueError: milestones that do not increase.
    """
    if list(milestones) != sorted(set(milestones)):
        raise ValueError(f"SOLVER.STEPS is {tuple(milestones)}; expected increasing iterations.")
    return lambda t: gamma ** bisect_right(milestones, t)


def decays(start: int, every: int, *, gamma: float) -> Factor:
    """Times gamma at `start` and every so many iterations from there."""
    return lambda t: gamma ** ((t - start) // every + 1) if t >= start else 1.0


def held(factor: Factor, period: int) -> Factor:
    """Changes every `period` iterations only, as where a rate is set once an epoch."""
    return lambda t: factor(t - t % period)


def ramp(start: float, iters: int) -> Factor:
    """Linear from `start` to 1 in `iters` iterations."""
    return lambda t: start + (1 - start) * t / iters if t < iters else 1.0


def warmed(factor: Factor, start: float, iters: int) -> Factor:
    """Straight from `start` times the first value to the value that `factor` has at `iters`."""
    first, last = start * factor(0), factor(iters)
    return lambda t: first + (last - first) * t / iters if t < iters else factor(t)


def lr_factor(cfg: CfgNode) -> Factor:
    """
    The factor that SOLVER describes.

    Raises:
        ValueError: an unknown name, milestones that do not increase, or a rate that is held for no
            iteration.
    """
    if cfg.SOLVER.LR_PERIOD < 1:
        raise ValueError(f"SOLVER.LR_PERIOD is {cfg.SOLVER.LR_PERIOD}; expected 1 or more.")
    return held(_factor(cfg), cfg.SOLVER.LR_PERIOD)


def _factor(cfg: CfgNode) -> Factor:
    solver = cfg.SOLVER
    name, warm_up = solver.LR_SCHEDULER_NAME, (solver.WARMUP_FACTOR, solver.WARMUP_ITERS)
    if name in ("WarmupPolyLR", "WarmupPolyToEndLR"):
        power, end = solver.POLY_LR_POWER, solver.LR_END
        kind = poly if name == "WarmupPolyLR" else poly_to
        return kind(solver.MAX_ITER, power=power, end=end, ramp=ramp(*warm_up))
    if name == "WarmupCosineLR":
        return warmed(cosine(solver.MAX_ITER, end=solver.LR_END), *warm_up)
    if name == "WarmupMultiStepLR":
        return warmed(steps(solver.STEPS, gamma=solver.GAMMA), *warm_up)
    raise ValueError(
        f"SOLVER.LR_SCHEDULER_NAME is {name!r}; expected WarmupPolyLR, WarmupPolyToEndLR, "
        "WarmupCosineLR or WarmupMultiStepLR."
    )


class Schedule:
    """
    Sets the learning rates of an optimizer to their initial values times a factor.

    Its state is the iteration alone, so a run that is resumed with other rates gets them.

    Args:
        optimizer: its groups' "lr" are the base rates.
        factor: of the number of steps made so far.
    """

    def __init__(self, optimizer: Optimizer, factor: Factor) -> None:
        self.optimizer = optimizer
        self.factor = factor
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.load_state_dict({"iteration": 0})

    def step(self) -> None:
        """To be called after every step of the optimizer."""
        self.load_state_dict({"iteration": self.iteration + 1})

    def state_dict(self) -> dict[str, int]:
        return {"iteration": self.iteration}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        self.iteration = state_dict["iteration"]
        factor = self.factor(self.iteration)
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr * factor


def build_schedule(cfg: CfgNode, optimizer: Optimizer) -> Schedule:
    """
    The schedule that SOLVER describes, at its start.

    Raises:
        ValueError: as `lr_factor`.
    """
    return Schedule(optimizer, lr_factor(cfg))
