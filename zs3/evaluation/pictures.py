"""Label maps to look at: colours, overlays with a legend, comparisons with the truth, PNG files."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..files import write_atomically
from ..vocabulary import IGNORE

_TEXT, _PAPER = (20, 20, 20), (255, 255, 255)
_FONT_SIZE = 14
_LINE = 22  # pixels a line of text
_MARGIN = 8
# Pictures whose longer side is shorter than this are enlarged by a whole factor.
_MIN_SIDE = 256


@cache
def palette(count: int) -> np.ndarray:
    """
    Colours for classes, each as far as can be (in CIELAB) from all before it; so the first colours
    do not depend on `count`.

    Returns:
        np.ndarray: (count, 3) uint8 RGB, not to be changed; none is black, white or gray.
    """
    levels = np.linspace(0, 255, 18).round().astype(np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    lab = cv2.cvtColor(rgb[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    usable = (lab[:, 0] > 30) & (lab[:, 0] < 92) & (chroma > 22)
    rgb, lab = rgb[usable], lab[usable]
    chosen = [int(chroma[usable].argmax())]
    distance = np.full(len(lab), np.inf)
    while len(chosen) < min(count, len(lab)):
        distance = np.minimum(distance, np.square(lab - lab[chosen[-1]]).sum(1))
        chosen.append(int(distance.argmax()))
    colours = rgb[np.resize(chosen, count)]  # starting again where there are more classes
    colours.flags.writeable = False
    return colours


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    palette: np.ndarray,
    alpha: float = 0.55,
    ignore: int = IGNORE,
    unseen: Collection[str] = (),
) -> np.ndarray:
    """
    The brightness of an image under the colours of its labels, and a legend of those that occur.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) integers 0..K-1; `ignore` leaves the image as it is.
        names: K class names.
        palette: (K, 3) uint8 RGB.
        alpha: opacity of the colours, 0..1.
        unseen: names that the legend marks.

    Returns:
        np.ndarray: (H', W', 3) uint8 RGB; small images are enlarged by a whole factor.

    Raises:
        ValueError: labels of another size than the image, or a label that is no class.
    """
    _expect_same_size(image, labels)
    _expect_classes(labels, len(palette), ignore)
    image, labels = _enlarged(image), _enlarged(labels)
    # On its brightness only: the image's own colours would shift those of the legend.
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    blended = gray + alpha * (_paint(labels, palette, ignore) - gray)
    picture = np.where((labels == ignore)[..., None], image, blended.round().astype(np.uint8))
    picture[_outlines(labels)] = 255
    key = legend(_frequent(labels, ignore), names, palette, picture.shape[1], unseen)
    return np.vstack([picture, key])


def comparison(
    image: np.ndarray,
    truth: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    palette: np.ndarray,
    ignore: int = IGNORE,
    unseen: Collection[str] = (),
) -> np.ndarray:
    """
    Image, truth and prediction side by side, and a legend of the classes that occur in either.
    Pixels without a label are black.

    Arguments and result as for `overlay`; `truth` and `labels` are (H, W).
    """
    for drawn in (truth, labels):
        _expect_same_size(image, drawn)
        _expect_classes(drawn, len(palette), ignore)
    shown = {
        "image": _enlarged(image),
        "truth": _enlarged(_paint(truth, palette, ignore)),
        "prediction": _enlarged(_paint(labels, palette, ignore)),
    }
    height, width = shown["image"].shape[:2]
    page, draw = _page(_LINE + height, 3 * width + 2 * _MARGIN)
    for i, (title, picture) in enumerate(shown.items()):
        left = i * (width + _MARGIN)
        draw.text((left + _MARGIN, _LINE // 2), title, _TEXT, _font(), anchor="lm")
        page.paste(Image.fromarray(picture), (left, _LINE))
    classes = _frequent(np.stack([truth, labels]), ignore)
    return np.vstack([np.asarray(page), legend(classes, names, palette, page.width, unseen)])


def legend(
    classes: Sequence[int],
    names: Sequence[str],
    palette: np.ndarray,
    width: int,
    unseen: Collection[str] = (),
) -> np.ndarray:
    """
    Colours with their names, in as many lines as `width` (pixels) asks for.

    Args:
        classes: which of the K classes to show, in order.
        unseen: names that get " (unseen)".

    Returns:
        np.ndarray: (height, width, 3) uint8 RGB.
    """
    font, entries, x, y = _font(), [], _MARGIN, _MARGIN
    for class_ in classes:
        mark = " (unseen)" if names[class_] in unseen else ""
        text = _fitting(names[class_], mark, width - _LINE - 3 * _MARGIN)
        length = _LINE + int(font.getlength(text)) + 2 * _MARGIN
        if x > _MARGIN and x + length > width:
            x, y = _MARGIN, y + _LINE
        entries.append((x, y, text, tuple(map(int, palette[class_]))))
        x += length
    page, draw = _page(y + _LINE + _MARGIN, width)
    for x, y, text, colour in entries:
        draw.rectangle((x, y + 3, x + 15, y + _LINE - 4), fill=colour, outline=_TEXT)
        draw.text((x + _LINE, y + _LINE // 2), text, _TEXT, font, anchor="lm")
    return np.asarray(page)


def save_png(path: str | Path, picture: np.ndarray) -> None:
    """
    Writes (H, W, 3) uint8 RGB, atomically.

    Raises:
        ValueError: a file name that does not end in .png.
    """
    _write_png(path, Image.fromarray(picture))


def save_label_png(
    path: str | Path,
    labels: np.ndarray,
    palette: np.ndarray,
    size: tuple[int, int] | None = None,
) -> None:
    """
    Writes a label map, atomically: 8 bits with a palette for up to 255 classes (255 is IGNORE),
    else 16 bits.

    Args:
        labels: (H, W) integers 0..K-1, or IGNORE.
        palette: (K, 3) uint8 RGB.
        size: (H', W') to enlarge to; every pixel has the nearest label.

    Raises:
        ValueError: a label that is no class, or a file name that does not end in .png.
    """
    _expect_classes(labels, len(palette), IGNORE)
    if len(palette) > 255:
        picture = Image.fromarray(labels.astype(np.uint16))
    else:
        picture = Image.fromarray(np.where(labels == IGNORE, 255, labels).astype(np.uint8))
        colours = np.zeros((256, 3), np.uint8)
        colours[: len(palette)] = palette
        picture.putpalette(colours.tobytes())
    if size is not None:
        picture = picture.resize((size[1], size[0]), Image.Resampling.NEAREST)
    _write_png(path, picture)


def _write_png(path: str | Path, image: Image.Image) -> None:
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"pictures are written as PNG, so {str(path)!r} must end in .png.")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def _paint(labels: np.ndarray, palette: np.ndarray, ignore: int) -> np.ndarray:
    """(H, W) -> (H, W, 3) uint8, black where there is no label."""
    table = np.vstack([palette, np.zeros((1, 3), np.uint8)]).astype(np.uint8)
    # A number of NumPy's own: a plain one would be cut to the bits that the labels have.
    return table[np.where(labels == ignore, np.int64(len(palette)), labels)]


def _outlines(labels: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels whose right or lower neighbour has another label."""
    outlines = np.zeros(labels.shape, bool)
    outlines[:, :-1] = labels[:, :-1] != labels[:, 1:]
    outlines[:-1] |= labels[:-1] != labels[1:]
    return outlines


def _frequent(labels: np.ndarray, ignore: int) -> list[int]:
    """The classes that occur, the largest first."""
    classes, pixels = np.unique(labels[labels != ignore], return_counts=True)
    return [int(class_) for class_ in classes[np.argsort(-pixels, kind="stable")]]


def _enlarged(picture: np.ndarray) -> np.ndarray:
    factor = -(-_MIN_SIDE // max(picture.shape[:2]))
    return picture.repeat(factor, 0).repeat(factor, 1)


def _fitting(name: str, mark: str, width: int) -> str:
    """The name and its mark, the name cut short if it does not fit."""
    text, kept = name + mark, len(name)
    while _font().getlength(text) > width and kept > 1:
        kept -= 1
        text = f"{name[:kept]}...{mark}"
    return text


def _page(height: int, width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (width, height), _PAPER)
    return page, ImageDraw.Draw(page)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)


def _expect_same_size(image: np.ndarray, labels: np.ndarray) -> None:
    if image.shape[:2] != labels.shape:
        raise ValueError(
            f"the image is {image.shape[:2]}, but the labels are {labels.shape}; they must agree."
        )


def _expect_classes(labels: np.ndarray, count: int, ignore: int) -> None:
    wrong = labels[(labels != ignore) & ((labels < 0) | (labels >= count))]
    if wrong.size:
        raise ValueError(
            f"the labels contain {wrong[0]}, but there are {count} classes; expected 0.."
            f"{count - 1}, or {ignore} for no label."
        )
