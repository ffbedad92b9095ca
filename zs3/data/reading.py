"""
Images and label maps from files. Whatever is wrong with a file is said in one line that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .archive import open_file

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
LABEL_EXTENSIONS = (".png", ".tif", ".tiff", ".bmp")

T = TypeVar("T")


def read_image(path: str | Path) -> np.ndarray:
    """
    Reads a photo the way it is meant to be looked at: turned upright as its EXIF says, transparent
        parts on white.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB; 16-bit channels are reduced to their high byte.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is not a readable image, or whose pixels are floating-point numbers.
    """
    return _read(path, "an image", _upright_rgb)


def read_label(path: str | Path) -> np.ndarray:
    """
    Reads a label map: an image of one integer a pixel. A palette is decoration, its indices are the
        labels.

    Returns:
        np.ndarray: (H, W) uint8 or uint16, the values as stored.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unreadable file, a colour picture, or values that 16 bits do not hold.
    """
    return _read(path, "a label map", _indices)


def read_colours(path: str | Path) -> np.ndarray:
    """
    Reads a picture whose colours are codes: as stored, neither turned nor blended.

    Returns:
        np.ndarray: (H, W) uint32, R + 256 G + 256^2 B.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unreadable file, or more than 8 bits a channel.
    """
    return _read(path, "a colour-coded mask", _codes)


def image_size(path: str | Path) -> tuple[int, int]:
    """(H, W) that `read_image` would return; only the head of the file is read. Raises as it."""
    return _read(path, "an image", _upright_size)


def expect_one_size(
    label: str | Path, label_shape: Sequence[int], image: str | Path, image_shape: Sequence[int]
) -> None:
    """Raises ValueError where a label map (H, W) and its image (H, W, ...) differ in size."""
    if tuple(label_shape) != tuple(image_shape[:2]):
        raise ValueError(
            f"{label} is {label_shape[1]} x {label_shape[0]} pixels, but its image {image} is "
            f"{image_shape[1]} x {image_shape[0]} (width x height, upright); a label map has its "
            "image's size."
        )


def _read(path: str | Path, what: str, convert: Callable[[Image.Image], T]) -> T:
    try:
        with open_file(path) as file, Image.open(file) as image:
            return convert(image)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; expected {what}.") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path} cannot be read as {what}: Pillow knows no such format.") from None
    except Exception as error:  # a broken file makes decoders raise almost anything
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{path} cannot be read as {what}: {reason}") from error


def _upright_rgb(image: Image.Image) -> np.ndarray:
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError(
            "floating-point pixels have no known range; save it with 8 or 16 bits a channel."
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        gray = (_sixteen_bit(image) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def _upright_size(image: Image.Image) -> tuple[int, int]:
    is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return image.size if is_turned else image.size[::-1]


def _indices(image: Image.Image) -> np.ndarray:
    if image.mode in ("L", "P", "1"):
        return np.asarray(image).astype(np.uint8)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _sixteen_bit(image)
    raise ValueError(
        f"its pixels are colours or fractions (mode {image.mode}); expected one integer a pixel, "
        "in 8 or 16 bit grayscale or with a palette. Masks whose colours stand for names need a "
        "labelmap.txt (docs/your-data.md)."
    )


def _codes(image: Image.Image) -> np.ndarray:
    if image.mode not in ("1", "L", "P", "RGB", "RGBA"):
        raise ValueError(
            f"its pixels have mode {image.mode}; expected colours of 8 bits a channel."
        )
    # Four bytes a pixel are one little-endian number; the fourth is not looked at.
    colours = np.asarray(image.convert("RGB").convert("RGBX"))
    return colours.view("<u4")[..., 0] & 0xFFFFFF


def _sixteen_bit(image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"its values reach from {values.min()} to {values.max()}; expected 0 to 65535."
        )
    return values.astype(np.uint16)
