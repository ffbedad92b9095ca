"""
Where a step spends what, seen from outside: no part of a model knows that it is watched.

The methods by which the spine calls its parts are wrapped while a meter watches. Every moment
belongs to one stage, that of the innermost part which runs, or to "other" where none does; so the
stages of a step add up to the whole of it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from operator import sub
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.optim import Optimizer

from ..registry import REFINER_REGISTRY
from ..segmentor import ZeroShotSegmentor
from ..text import TextBank
from .laps import OTHER, Lap

Reading = Any  # seconds, operations, an event of CUDA


@dataclass(frozen=True)
class Part:
    """
    Attributes:
        stage: one of STAGES.
        owner, method: what is called.
        lasting: what follows the call up to the end of the step is of the same stage.
    """

    stage: str
    owner: Any
    method: str = "forward"
    lasting: bool = False


def model_parts(model: ZeroShotSegmentor) -> list[Part]:
    """The parts of the spine, those of training included."""
    refiners = tuple(refiner for _, refiner in REFINER_REGISTRY)
    modules = {
        "backbone": [model.backbone],
        "grouping": [model.grouping],
        "text": _instances(model, TextBank),
        "naming": [model.naming],
        "refiners": _instances(model.readout, refiners),
        "loss": [model.criterion] if model.criterion else [],
    }
    parts = [Part(stage, module) for stage, owners in modules.items() for module in owners]
    # Score maps are made when they are asked for, after the readout has returned.
    return [*parts, Part("readout", model.readout, "prepare", lasting=True)]


def step_parts(step: object) -> list[Part]:
    """What a training step does beside the model; clipping belongs to the optimizer."""
    optimizers = [value for value in vars(step).values() if isinstance(value, Optimizer)]
    parts = [Part("optimizer", optimizer, "step") for optimizer in optimizers]
    parts += [Part("optimizer", step, "clipping")] if hasattr(step, "clipping") else []
    return [*parts, Part("backward", torch.autograd, "backward")]


class StageMeter:
    """
    Shares what a step spends among stages.

    Args:
        read: the meter's reading now.
        between: what was spent from one reading to a later one.
    """

    def __init__(
        self,
        read: Callable[[], Reading] = time.perf_counter,
        between: Callable[[Reading, Reading], float] = lambda start, stop: sub(stop, start),
    ) -> None:
        self._read = read
        self._between = between
        self._readings: list[tuple[str, Reading]] = []
        self._running: list[str] = []

    @classmethod
    def of_time(cls, device: torch.device) -> StageMeter:
        """
        In seconds. On GPUs between events in the current stream, so that nothing waits for the
        meter but the end of a step.
        """
        return cls(_event, _seconds) if device.type == "cuda" else cls()

    @contextmanager
    def watching(self, parts: Iterable[Part]) -> Iterator[None]:
        """Inside, `lap` tells these parts apart."""
        with ExitStack() as stack:
            for part in parts:
                call = self._watched(part)
                stack.enter_context(patch.object(part.owner, part.method, call))
            yield

    def lap(self, step: Callable[[], object]) -> Lap:
        """What one call spends, by stage."""
        self._running, self._readings = [OTHER], []
        self._switch()
        step()
        self._switch()
        self._running = []
        spent: defaultdict[str, float] = defaultdict(float)
        for (stage, start), (_, stop) in pairwise(self._readings):
            spent[stage] += self._between(start, stop)
        return dict(spent)

    def _watched(self, part: Part) -> Callable[..., Any]:
        original = getattr(part.owner, part.method)

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._running:  # between laps
                return original(*args, **kwargs)
            if part.lasting:
                self._running[0] = part.stage
            self._running.append(part.stage)
            self._switch()
            try:
                return original(*args, **kwargs)
            finally:
                self._running.pop()
                self._switch()

        return call

    def _switch(self) -> None:
        """From now on it is the running stage that spends."""
        self._readings.append((self._running[-1], self._read()))


def _event() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def _seconds(start: torch.cuda.Event, stop: torch.cuda.Event) -> float:
    stop.synchronize()
    return start.elapsed_time(stop) / 1000


def _instances(module: nn.Module, kinds: type | tuple[type, ...]) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, kinds)]
