"""
Images and label maps from files. Whatever is wrong with a file is said in one line that names it.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .archive import open_file

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
LABEL_EXTENSIONS = (".png", ".tif", ".tiff", ".bmp")
# Images of more pixels are refused: a file of a few kilobytes may claim any size.
MAX_PIXELS = 2**28

T = TypeVar("T")
_opening = threading.Lock()


def read_image(path: str | Path) -> np.ndarray:
    """
    Reads a photo the way it is meant to be looked at: turned upright as its EXIF says, transparent
        parts on white; of an animation the first frame.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB; 16-bit channels are reduced to their high byte.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is not a readable image, has more than MAX_PIXELS, or whose pixels
            are floating-point numbers.
    """
    return _read(path, "an image", lambda image: np.asarray(_upright_rgb(image)))


def read_reduced(path: str | Path, max_pixels: int) -> tuple[np.ndarray, tuple[int, int]]:
    """
    Reads a photo as `read_image`, and one of more than `max_pixels` smaller. A large JPEG is never
    decoded at its full size.

    Returns:
        (h, w, 3) uint8 RGB of at most about `max_pixels`, and (H, W), the size of the upright
        photo.
    """

    def reduced(image: Image.Image) -> tuple[np.ndarray, tuple[int, int]]:
        full, wanted = image.size, reduced_size(image.size, max_pixels)
        image.draft(None, wanted)
        if image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):  # width becomes height
            full, wanted = full[::-1], wanted[::-1]
        upright = _upright_rgb(image)
        if upright.size != wanted:
            upright = upright.resize(wanted, Image.Resampling.BILINEAR)
        return np.asarray(upright), full[::-1]

    return _read(path, "an image", reduced)


def as_photo(image: Image.Image) -> np.ndarray:
    """
    What `read_image` would give of the file of a picture that somebody has opened.

    Raises:
        ValueError: pixels that have no known range.
    """
    is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    return np.asarray(_upright_rgb(image.copy() if is_turned else image))


def reduced_size(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """The size itself, or for more than `max_pixels` the one of that many in the same ratio."""
    scale = math.sqrt(min(1.0, max_pixels / math.prod(size)))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


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
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        # Opening a pipe could wait forever.
        raise ValueError(f"{path} cannot be read as {what}: it is neither a file nor a folder.")
    try:
        with open_file(path) as file, _open(file) as image:
            return convert(image)
    except FileNotFoundError:
        is_link = f" (it is a link to {os.readlink(path)})" if os.path.islink(path) else ""
        raise FileNotFoundError(f"{path} does not exist{is_link}; expected {what}.") from None
    except UnidentifiedImageError:
        reason = "Pillow knows no such format" if os.path.getsize(path) else "it is empty"
        raise ValueError(f"{path} cannot be read as {what}: {reason}.") from None
    except Exception as error:  # a broken file makes decoders raise almost anything
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{path} cannot be read as {what}: {reason}") from error


def _open(file: BinaryIO) -> Image.Image:
    """Pillow warns of many pixels and refuses twice as many; here there is one limit."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    if math.prod(image.size) > MAX_PIXELS:
        image.close()
        raise ValueError(
            f"it has {image.width} x {image.height} pixels; at most {MAX_PIXELS / 1e6:.0f} million "
            "are read. Cut it into tiles."
        )
    return image


def _upright_rgb(image: Image.Image) -> Image.Image:
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):  # PNG's have 16 bits
        raise ValueError(
            "pixels of 32 bits have no known range; save it with 8 or 16 bits a channel."
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = Image.fromarray((_sixteen_bit(image) >> 8).astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


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
