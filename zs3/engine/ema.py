"""An exponential moving average of the weights, to evaluate and export in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """
    average <- decay * average + (1 - decay) * weight, for every trained parameter.

    It starts at the weights it is made with. Buffers are not averaged.

    Args:
        decay: 0 < decay < 1; 1 / (1 - decay) iterations are what it remembers.

    Raises:
        ValueError: another decay.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"the average's decay is {decay}; expected a number between 0 and 1.")
        self.decay = decay
        self._weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._average = {name: p.detach().clone() for name, p in self._weights.items()}

    @torch.no_grad()
    def update(self) -> None:
        """To be called after every step."""
        torch._foreach_lerp_(list(self._average.values()), self._values(), 1 - self.decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights inside."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self._average)

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        for name, average in self._average.items():
            average.copy_(state_dict[name])

    def _swap(self) -> None:
        for weight, average in zip(self._values(), self._average.values(), strict=True):
            kept = average.clone()
            average.copy_(weight)
            weight.copy_(kept)

    def _values(self) -> list[Tensor]:
        return [weight.detach() for weight in self._weights.values()]
