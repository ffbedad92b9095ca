"""Masks of an image that an oracle may choose from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..data.reading import read_label
from ..spectral.store import read_masks

# (file of an image, the image (h, w, 3), size (H, W) of its labels) -> (N, H, W): 1 inside a mask,
# 0 outside; other values are neither.
Masks = Callable[[str, np.ndarray, tuple[int, int]], np.ndarray]


class MaskFolder:
    """
    Masks from files in SAZS's layout, NAME_k0.png, NAME_k1.png, ... of image NAME, or in the
    compact one, NAME.npz.

    Args:
        folder: of them.
        how: those of the compact layout are enlarged, see `zs3.spectral.enlarged`.
    """

    def __init__(self, folder: str | Path, how: str = "nearest") -> None:
        self.folder = Path(folder)
        self.how = how

    def __call__(self, file: str, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """
        Raises:
            FileNotFoundError: no mask of this image.
            ValueError: a mask of another size than the labels.
        """
        name = Path(file).stem
        compact = self.folder / f"{name}.npz"
        if compact.is_file():
            return read_masks(compact, size, self.how).astype(np.int64)
        files = sorted(self.folder.glob(f"{name}_k*.png"))
        if not files:
            raise FileNotFoundError(
                f"{self.folder} has no masks {name}_k0.png, {name}_k1.png, ...; "
                "datasets/prepare/spectral_masks.py makes such masks."
            )
        masks = [read_label(path) for path in files]
        for path, mask in zip(files, masks, strict=True):
            if mask.shape != size:
                raise ValueError(
                    f"{path} is {mask.shape}, but the labels of its image are {size}; make the "
                    "masks at the size of the images."
                )
        return np.stack([np.where(mask == 255, 1, mask) for mask in masks])
