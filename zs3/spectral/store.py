"""Eigenvectors on the disk: files for people and for SAZS, and a cache for what is asked again."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..files import write_atomically
from .masks import enlarged

logger = logging.getLogger(__name__)


def write_vectors(path: Path, vectors: np.ndarray, covered: Sequence[float] = (1.0, 1.0)) -> None:
    """
    The compact layout: one NAME.npz an image.

    Args:
        vectors: (K, h, w); kept in half precision, whose signs are theirs.
        covered: shares of the image's height and width that the cells cover, from the top left.
    """
    largest = np.abs(vectors).max(initial=1e-12)
    arrays = {"vectors": (vectors / largest).astype(np.float16), "covered": np.array(covered)}
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays), wait=False)


def read_vectors(path: Path) -> np.ndarray:
    """
    Returns:
        np.ndarray: (K, h, w) float32.

    Raises:
        ValueError: the file is damaged, or none of these.
    """
    return _read(path)[0]


def read_masks(path: Path, size: tuple[int, int], how: str = "nearest") -> np.ndarray:
    """
    Of the compact layout.

    Args:
        size: (H, W) of the masks.
        how: see `enlarged`.

    Returns:
        np.ndarray: (K, H, W) bool.

    Raises:
        ValueError: as `read_vectors`.
    """
    vectors, covered = _read(path)
    part = (round(size[0] * covered[0]), round(size[1] * covered[1]))
    return enlarged(torch.from_numpy(vectors), part, size, how).numpy()


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path) as file:
            return file["vectors"].astype(np.float32), file["covered"]
    except (BadZipFile, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"{path} holds no eigenvectors ({error}); make it again.") from error


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
