"""What an evaluator can count beside the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Measure:
    """
    Attributes:
        counts: int64 of any shape, 0 at first. Those of parts of a dataset add up, which is how
            processes share one.
    """

    counts: np.ndarray

    def add(self, truth: np.ndarray, labels: np.ndarray, output: Mapping[str, Any]) -> None:
        """
        Counts an image.

        Args:
            truth: (H, W) classes 0..K-1, or IGNORE.
            labels: (H, W) predicted classes; K and above are none.
            output: all that the model has said about the image.
        """
        raise NotImplementedError

    def per_class(self) -> dict[str, np.ndarray]:
        """Percentages (K,) by what they are called in front of a class's name."""
        return {}

    def scores(self, is_seen: np.ndarray) -> dict[str, float]:
        """Percentages to report with the standard ones; `is_seen` is (K,) bool."""
        return {}

    def files(self, is_seen: np.ndarray) -> dict[str, bytes]:
        """Contents by file name."""
        return {}
