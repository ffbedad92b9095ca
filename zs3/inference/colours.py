"""Colours of class names: the same name has the same colour in (almost) every vocabulary."""

from __future__ import annotations

import hashlib
import re
from functools import cache

import cv2
import numpy as np
from PIL import ImageColor

from ..evaluation.pictures import palette

# Colours to choose from; a power of two, so that vocabularies of many sizes have the same ones.
_FEWEST = 64
# Named colours of less chroma (CIELAB) are black, white or gray, which stand for no class.
_MIN_CHROMA = 22.0


@cache
def class_colours(names: tuple[str, ...]) -> np.ndarray:
    """
    A colour a name, no two alike (up to some thousands): near the colour it is named after ("red
    star", "orange"), else chosen by its hash. Where two names want the same one, the second has to
    take the next, so that its colour may be another in another vocabulary; the order of the names
    decides nothing.

    Returns:
        np.ndarray: (K, 3) uint8 RGB, not to be changed.
    """
    # A quarter to spare keeps most names at the colour of their own.
    count = max(_FEWEST, 1 << (len(names) * 5 // 4 - 1).bit_length())
    colours = palette(count)
    lab = _lab(colours)
    chosen: dict[int, int] = {}
    free = np.ones(count, bool)
    wanted = [_named_colour(name) for name in names]
    # Names of colours first, since a hash has no reason to want just this one; then in an order
    # that is not the vocabulary's.
    for k in sorted(range(len(names)), key=lambda k: (wanted[k] is None, names[k])):
        colour = wanted[k]
        if colour is None:
            order = np.roll(np.arange(count), -_number(names[k]) % count)
        else:
            order = np.square(lab - colour).sum(1).argsort(kind="stable")
        chosen[k] = next(int(slot) for slot in order if free[slot])
        free[chosen[k]] = False
    table = colours[[chosen[k] for k in range(len(names))]]
    table.flags.writeable = False
    return table


def _named_colour(name: str) -> np.ndarray | None:
    """CIELAB of the first CSS colour among the words of a name."""
    for word in re.findall(r"[a-z]+", name.lower()):
        if word in ImageColor.colormap:
            lab = _lab(np.array([ImageColor.getrgb(word)], np.uint8))[0]
            if np.hypot(*lab[1:]) > _MIN_CHROMA:
                return lab
    return None


def _number(name: str) -> int:
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:4], "big")


def _lab(rgb: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 -> (N, 3) CIELAB."""
    return cv2.cvtColor(rgb[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
