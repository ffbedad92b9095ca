"""From the values that label files hold to labels, refusing values that nobody has explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_UNKNOWN = -1


class LabelTable:
    """
    Args:
        values: stored value, 0..65535 -> label.
        num_classes: how many of the labels are classes; only named in refusals.
    """

    def __init__(self, values: Mapping[int, int], num_classes: int) -> None:
        self.num_classes = num_classes
        self.known = sorted(values)
        self.table = np.full(65536, _UNKNOWN, np.int64)
        self.table[list(values)] = list(values.values())

    def __call__(self, stored: np.ndarray, source: str | Path) -> np.ndarray:
        """
        Args:
            stored: (H, W) unsigned integers.
            source: the file they come from.

        Returns:
            np.ndarray: (H, W) int64 labels.

        Raises:
            ValueError: a value without a label; the file is named.
        """
        labels = self.table[stored]
        if labels.min() == _UNKNOWN:
            wrong = np.unique(stored[labels == _UNKNOWN])
            raise ValueError(
                f"{source} holds label {_some(wrong)}, which is neither a class nor ignored; "
                f"the {self.num_classes} classes and ignore are {_some(self.known)}."
            )
        return labels


def _some(values: Sequence[int] | np.ndarray, limit: int = 5) -> str:
    """[0, 1, 2, 255] -> "0-2, 255", cut after a few."""
    runs: list[list[int]] = []
    for value in map(int, values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    parts = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    return ", ".join(parts[:limit]) + (", ..." if len(parts) > limit else "")
