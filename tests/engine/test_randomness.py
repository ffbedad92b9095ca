from __future__ import annotations

import random

import numpy as np
import torch

from zs3.engine.randomness import random_state, set_random_state, undisturbed


def draw() -> tuple[float, float, float, float]:
    return random.random(), np.random.rand(), np.random.randn(), torch.rand(()).item()


def test_generators_go_on_from_a_state_that_was_saved(tmp_path) -> None:
    # An odd number of normal variates: numpy keeps the second of each pair.
    draw()
    torch.save(random_state(), tmp_path / "state.pth")
    expected = draw(), draw()

    set_random_state(torch.load(tmp_path / "state.pth", weights_only=True))

    assert (draw(), draw()) == expected


def test_what_is_drawn_inside_changes_nothing_outside() -> None:
    state = random_state()
    expected = draw()
    set_random_state(state)

    with undisturbed():
        inside = draw()

    assert inside == expected
    assert draw() == expected
