"""Stages are exclusive, nested or not, and add up to the step."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from zs3.profiling.laps import STAGES, middle, total
from zs3.profiling.stages import Part, StageMeter, model_parts, step_parts


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Identity()

    def forward(self, x):
        return self.inner(x)

    def prepare(self, x):
        return x


def ticking() -> StageMeter:
    """Every reading is one tick later than the one before."""
    return StageMeter(iter(itertools.count()).__next__)


def test_the_innermost_part_spends():
    outer = Outer()
    parts = [Part("grouping", outer), Part("text", outer.inner)]
    meter = ticking()
    with meter.watching(parts):
        # readings: start, outer in, inner in, inner out, outer out, stop
        assert meter.lap(lambda: outer(1)) == {"other": 2, "grouping": 2, "text": 1}
        assert meter.lap(lambda: outer.inner(1)) == {"other": 2, "text": 1}


def test_what_follows_a_lasting_part_is_its_stage():
    outer = Outer()
    parts = [Part("readout", outer, "prepare", lasting=True), Part("text", outer.inner)]
    meter = ticking()
    with meter.watching(parts):
        lap = meter.lap(lambda: (outer.prepare(1), outer(2)))
        assert lap == {"other": 1, "readout": 3, "text": 1}
        # and not beyond the step
        assert meter.lap(lambda: outer(1)) == {"other": 2, "text": 1}


def test_nothing_stays_wrapped():
    outer = Outer()
    meter = ticking()
    with meter.watching([Part("text", outer.inner), Part("backward", torch.autograd, "backward")]):
        assert outer(3) == 3  # between laps, parts work as ever
    assert "forward" not in vars(outer.inner)
    assert meter.lap(lambda: outer(1)) == {"other": 1}


def test_a_failing_part_does_not_keep_the_stage():
    def fail():
        raise ValueError("no")

    outer = Outer()
    meter = ticking()
    with meter.watching([Part("text", outer.inner)]):
        outer.inner.register_forward_pre_hook(lambda *_: fail())
        with pytest.raises(ValueError, match="no"):
            meter.lap(lambda: outer(1))
        lap = meter.lap(lambda: None)
    assert lap == {"other": 1}


def test_backward_and_optimizer_are_stages_of_a_step():
    class Step:
        def __init__(self):
            self.weight = nn.Parameter(torch.ones(()))
            self.optimizer = torch.optim.SGD([self.weight], lr=0.1)

        def clipping(self):
            pass

        def __call__(self):
            (2 * self.weight).backward()
            self.clipping()
            self.optimizer.step()

    step, meter = Step(), ticking()
    with meter.watching(step_parts(step)):
        lap = meter.lap(step)
    assert lap == {"other": 4, "backward": 1, "optimizer": 2}
    torch.testing.assert_close(step.weight.detach(), torch.tensor(0.8))


def test_the_middle_lap_adds_up():
    laps = [{"text": 5.0, "other": 1.0}, {"text": 1.0}, {"text": 2.0, "other": 0.5}]
    assert middle(laps) == laps[2]
    assert total(middle(laps)) == 2.5
    assert middle(laps[:2]) == laps[1]


def test_every_part_has_a_known_stage(shapes_bench):
    parts = model_parts(shapes_bench.model)
    assert {part.stage for part in parts} <= set(STAGES)
    owners = [part.owner for part in parts if part.stage == "text"]
    # the head's bank, and that of the second look
    assert owners == [shapes_bench.model.text, shapes_bench.model.readout.refiners[0].text]
