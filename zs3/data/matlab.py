"""Label maps in MATLAB files, as SBD and Pascal Context have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat


def read_matlab(path: str | Path, variable: str) -> np.ndarray:
    """
    Args:
        variable: with a dot before the field of a struct, as "GTcls.Segmentation".

    Returns:
        np.ndarray: (H, W) uint16.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unreadable file, or one that holds something else.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; expected a label map.")
    name, *fields = variable.split(".")
    try:
        found = loadmat(path)[name]
        for field in fields:
            found = found[field][0, 0]
    except Exception as error:  # a broken file makes the reader raise almost anything
        raise ValueError(f"{path} cannot be read as a label map ({variable}): {error}") from error
    if found.ndim != 2 or found.dtype.kind not in "uif" or not _fits(found):
        raise ValueError(
            f"{path}: {variable} is {found.dtype} {found.shape}; expected whole numbers from 0 to "
            "65535 (H, W)."
        )
    return found.astype(np.uint16)


def _fits(values: np.ndarray) -> bool:
    return bool(((values >= 0) & (values <= 65535) & (values == np.floor(values))).all())
