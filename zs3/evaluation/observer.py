"""Who may watch an evaluation."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Observer(Protocol):
    """Watches an evaluation image by image, on every process."""

    def reset(self) -> None:
        """Forgets what it has seen."""

    def see(
        self,
        file: str,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        confusion: np.ndarray,
    ) -> None:
        """
        Args:
            image: (h, w, 3) RGB 0..255, perhaps of another size than the labels.
            truth: (H, W) classes 0..K-1, or IGNORE.
            labels: (H, W) predicted classes; K and above are none.
            confusion: (K, A) of this image alone.
        """

    def finish(self) -> None:
        """Called on all processes together, once every image was seen."""
