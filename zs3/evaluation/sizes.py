"""At which size predictions and label maps are compared."""

from __future__ import annotations

import numpy as np

from ..data.warping import source_rows

# Of the label map; of the image as the model sees it; of the grid that a per-pixel method names.
SIZES = ("label", "input", "grid")


def at_size(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) -> (h, w) by OpenCV's nearest rule, as SPNet and CaGNet resize to a prediction."""
    if labels.shape == tuple(size):
        return labels
    return labels[np.ix_(*map(source_rows, labels.shape, size))]
