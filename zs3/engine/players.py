"""Several optimizers in one training, each with parameters and a goal of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.optim import Optimizer

from ..runtime.utils import comm
from .optimizer import OptimizerState
from .schedule import Schedule
from .steps import Stateful


@dataclass(frozen=True)
class Player:
    """
    Attributes:
        name: how its optimizer is called in checkpoints.
        optimizer, schedule: of its parameters alone.
    """

    name: str
    optimizer: Optimizer
    schedule: Schedule

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    @property
    def lr(self) -> float:
        return max(group["lr"] for group in self.optimizer.param_groups)

    def parts(self) -> dict[str, Stateful]:
        return {
            f"optimizer_{self.name}": OptimizerState(self.optimizer),
            f"scheduler_{self.name}": self.schedule,
        }

    def move(self, loss: Tensor) -> None:
        """
        One step down its loss. A parameter the loss does not depend on has a gradient of 0 and not
        none: its momentum goes on, and it decays. Autograd does not notice that weights have
        changed, so that others can still move, see `play`.
        """
        parameters = self.parameters
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if comm.get_world_size() > 1:
                distributed.all_reduce(gradient)
                gradient = gradient / comm.get_world_size()
            parameter.grad = gradient
        with torch.autograd._unsafe_preserve_version_counter(tuple(parameters)):
            self.optimizer.step()
        self.optimizer.zero_grad()


def play(players: Sequence[Player], losses: Mapping[str, Tensor]) -> None:
    """
    Every player with a loss moves, in order; every schedule goes on.

    The losses are of one forward pass. Who moves later is told its gradient through the weights
    that others have already changed, with the activations from before: the published order, which
    PyTorch allowed until 1.4. The difference is of second order in the rates.
    """
    for player in players:
        if player.name in losses:
            player.move(losses[player.name])
    for player in players:
        player.schedule.step()
