"""How the losses of several supervised layers are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor


def over_layers(layers: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """
    One dict of all layers' losses: the last layer keeps the names, the others add "_0", "_1", ...

    Args:
        layers: the losses of each layer, earliest first.
    """
    suffixes = [f"_{i}" for i in range(len(layers) - 1)] + [""]
    return {
        name + suffix: loss
        for suffix, losses in zip(suffixes, layers, strict=True)
        for name, loss in losses.items()
    }
