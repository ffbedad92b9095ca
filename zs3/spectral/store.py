"""Eigenvectors on the disk: files for people and for SAZS, and a cache for what is asked again."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..files import write_atomically

logger = logging.getLogger(__name__)


def write_vectors(path: Path, vectors: np.ndarray) -> None:
    """
    The compact layout: one NAME.npz an image.

    Args:
        vectors: (K, h, w); kept in half precision, whose signs are theirs.
    """
    largest = np.abs(vectors).max(initial=1e-12)
    write_atomically(
        path,
        lambda file: np.savez_compressed(file, vectors=(vectors / largest).astype(np.float16)),
        wait=False,
    )


def read_vectors(path: Path) -> np.ndarray:
    """
    Returns:
        np.ndarray: (K, h, w) float32.

    Raises:
        ValueError: the file is damaged, or none of these.
    """
    try:
        with np.load(path) as file:
            return file["vectors"].astype(np.float32)
    except (BadZipFile, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"{path} holds no eigenvectors ({error}); make it again.") from error


def masks_of(vectors: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(K, h, w) -> (K, H, W) bool: positive sides, stretched by nearest neighbours."""
    each = [
        cv2.resize((own > 0).astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
        for own in vectors
    ]
    return np.stack(each).astype(bool)


def write_masks(folder: Path, name: str, masks: np.ndarray) -> None:
    """
    The published layout: NAME_k0.png, NAME_k1.png, ...

    Args:
        masks: (K, H, W) bool, written as 0 and 255.
    """
    for i, mask in enumerate(masks):
        buffer = io.BytesIO()
        Image.fromarray(255 * mask.astype(np.uint8)).save(buffer, "PNG")
        write_atomically(folder / f"{name}_k{i}.png", buffer.getvalue(), wait=False)


class VectorCache:
    """
    Eigenvectors of images met before, by their pixels.

    Args:
        folder: where they are kept.
        made_by: what else decides what they are.
    """

    def __init__(self, folder: str | Path, made_by: str) -> None:
        self.folder = Path(folder)
        self.made_by = made_by

    def __call__(self, pixels: np.ndarray, make: Callable[[], Tensor]) -> Tensor:
        """
        Args:
            pixels: (H, W, 3) uint8.
            make: (K, h, w), if they are not there.
        """
        digest = hashlib.sha256(f"{self.made_by} {pixels.shape}".encode() + pixels.tobytes())
        path = self.folder / f"eigen-{digest.hexdigest()[:40]}.npz"
        if path.is_file():
            try:
                return torch.from_numpy(read_vectors(path))
            except ValueError as error:
                logger.warning("%s", error)
        vectors = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_vectors(path, vectors.cpu().numpy())
        # As the next one will find them: an answer must not depend on who asked first.
        return torch.from_numpy(read_vectors(path))
