"""Pictures whose colours are codes for labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CodeTable:
    """
    Attributes:
        codes: (S,) uint32, rising, as `read_colours` makes them.
        labels: (S,) int64, what each stands for.
    """

    codes: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, labels: Mapping[int, int]) -> CodeTable:
        codes = sorted(labels)
        return cls(np.array(codes, np.uint32), np.array([labels[c] for c in codes], np.int64))

    def look_up(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) codes -> (H, W) labels; and the codes among them, each once, that have none."""
        places = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1)
        return self.labels[places], np.unique(codes[self.codes[places] != codes])
