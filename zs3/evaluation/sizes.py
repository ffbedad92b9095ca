"""At which size predictions and label maps are compared."""

from __future__ import annotations

import cv2
import numpy as np

# Of the label map; of the image as the model sees it; of the grid that a per-pixel method names.
SIZES = ("label", "input", "grid")


def at_size(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    A label map as SPNet's and CaGNet's evaluators resize it to a prediction: nearest, row i of h
    being row floor(i / (h / H)) in double precision, which is OpenCV's rule.

    Args:
        labels: (H, W) integers 0..65535.
        size: (h, w).

    Returns:
        np.ndarray: (h, w), of the same type.
    """
    if labels.shape == tuple(size):
        return labels
    stored = labels.astype(np.uint16)
    resized = cv2.resize(stored, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    return resized.astype(labels.dtype)
