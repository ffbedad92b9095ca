"""
How a model is asked about an image: once as a whole, or several times whose scores are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..readout.maps import ScoreMaps

# Any: Detectron2's input dicts hold tensors, sizes, names and a vocabulary.
Inputs = Sequence[dict[str, Any]]
Predict = Callable[[Inputs], list[ScoreMaps]]


class InferenceMode(Protocol):
    def __call__(self, predict: Predict, batched_inputs: Inputs) -> list[ScoreMaps]:
        """
        Args:
            predict: one pass of the model over whole images.
            batched_inputs: as `ZeroShotSegmentor.forward` takes them.
        """


def whole(predict: Predict, batched_inputs: Inputs) -> list[ScoreMaps]:
    """Every image once, as it is."""
    return predict(batched_inputs)
