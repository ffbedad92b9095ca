"""
Shapes: a procedural benchmark for zero-shot segmentation that needs no download.

Scenes of 96 x 96 pixels show 2 or 3 textures ("stuff") and up to 5 coloured outlines ("things") of
6 x 5 kinds. Every pixel is labelled. A scene is a pure function of (seed, index, allowed classes),
so a dataset is three numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.random import Generator

STUFF = ("grass", "water", "sand", "brick", "wood", "gravel")
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
HUES = {"red": 0, "yellow": 52, "green": 125, "blue": 215, "purple": 285}
THINGS = tuple(f"{colour} {shape}" for shape in SHAPES for colour in HUES)
NAMES = STUFF + THINGS

_COMBINATIONS = ("green circle", "blue square", "yellow triangle", "purple cross", "red ring")
_STARS = tuple(f"{colour} star" for colour in HUES)
# Unseen names by the reason why they are new; both splits leave gravel without any seen relative.
UNSEEN_KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "mixed": {"combination": _COMBINATIONS, "shape": _STARS, "stuff": ("gravel",)},
    "combination": {
        "things": (
            *("green circle", "blue square", "yellow triangle"),
            *("red star", "purple cross", "blue ring"),
        ),
        "stuff": ("gravel",),
    },
}

_TILE, _TILES_PER_STUFF = 192, 6
_PLACING_TRIES = 6


@dataclass(frozen=True)
class Scene:
    """
    Attributes:
        image: (S, S, 3) uint8 RGB.
        label: (S, S) uint8, index into NAMES.
        instance: (S, S) int8, index into `things`, -1 on stuff.
        things: class of each object, in drawing order (later ones occlude earlier ones).
        areas: pixels of each object before anything occluded it.
    """

    image: np.ndarray
    label: np.ndarray
    instance: np.ndarray
    things: tuple[int, ...]
    areas: tuple[int, ...]


def unseen_names(split: str) -> tuple[str, ...]:
    """
    Names without training labels in the split "mixed" (11 of 36) or "combination" (7 of 36), in
    label order.
    """
    if split not in UNSEEN_KINDS:
        raise ValueError(f"unknown Shapes split {split!r}; expected one of {sorted(UNSEEN_KINDS)}.")
    unseen = {name for names in UNSEEN_KINDS[split].values() for name in names}
    return tuple(name for name in NAMES if name in unseen)


def draw_scene(
    seed: int, index: int, exclude: tuple[str, ...] = (), size: int = 96, max_rotation: float = 15
) -> Scene:
    """
    Draws scene `index` of the stream `seed`.

    Args:
        exclude: names that must not appear.
        size: side S in pixels.
        max_rotation: things are turned by up to this many degrees either way.
    """
    rng = np.random.default_rng([seed, index])
    stuff = [i for i, name in enumerate(STUFF) if name not in exclude]
    things = [i + len(STUFF) for i, name in enumerate(THINGS) if name not in exclude]

    image, label = _draw_stuff(rng, stuff, size)
    instance = np.full((size, size), -1, np.int8)
    placed: list[int] = []
    areas: list[int] = []
    for class_ in rng.choice(things, rng.integers(2, 6)):
        for _ in range(_PLACING_TRIES):
            outline = _outline(rng, int(class_), size, max_rotation)
            mask = outline.alpha > 0.5
            if _fits(mask, instance, areas):
                break
        else:
            continue
        _paint(rng, image, outline)
        instance[mask] = len(placed)
        label[mask] = class_
        placed.append(int(class_))
        areas.append(int(mask.sum()))

    return Scene(_light(rng, image), label, instance, tuple(placed), tuple(areas))


# ---- stuff: textured half planes with wavy borders


def _noise(rng: Generator, sigma_x: float, sigma_y: float | None = None) -> np.ndarray:
    """White noise blurred by sigma, standardised, that wraps around at the tile's borders."""
    white = rng.standard_normal((_TILE, _TILE)).astype(np.float32)
    pad = int(4 * max(sigma_x, sigma_y or 0)) + 1
    wrapped = cv2.copyMakeBorder(white, pad, pad, pad, pad, cv2.BORDER_WRAP)
    blurred = cv2.GaussianBlur(wrapped, (0, 0), sigma_x, sigmaY=sigma_y or sigma_x)[
        pad:-pad, pad:-pad
    ]
    return (blurred - blurred.mean()) / blurred.std()


def _grass(rng: Generator) -> np.ndarray:
    white = rng.standard_normal((_TILE, _TILE)).astype(np.float32)
    blurred = cv2.blur(white, (1, 9), borderType=cv2.BORDER_REFLECT)
    blades = blurred / blurred.std()
    return _hsv(rng, 0.45 + 0.10 * blades + 0.03 * _noise(rng, 8), (95, 115), (0.5, 0.65))


def _water(rng: Generator) -> np.ndarray:
    y = np.arange(_TILE, dtype=np.float32)[:, None]
    waves = np.sin(y / rng.uniform(1.6, 2.2) + 3 * _noise(rng, 10))
    return _hsv(rng, 0.62 + 0.09 * waves + 0.04 * _noise(rng, 5), (200, 215), (0.5, 0.65))


def _sand(rng: Generator) -> np.ndarray:
    y, x = np.mgrid[:_TILE, :_TILE].astype(np.float32)
    ripples = np.sin((x + 0.4 * y) / rng.uniform(5, 7) + 2 * _noise(rng, 12))
    return _hsv(rng, 0.82 + 0.05 * _noise(rng, 0.7) + 0.04 * ripples, (40, 48), (0.4, 0.5))


def _brick(rng: Generator) -> np.ndarray:
    height, width, mortar = 8, 16, 1.6
    y, x = np.mgrid[:_TILE, :_TILE].astype(np.float32)
    row = (y // height).astype(int)
    shifted = x + (row % 2) * width / 2
    column = (shifted // width).astype(int) % (_TILE // width)
    value = rng.uniform(0.5, 0.68, (_TILE // height, _TILE // width))[row, column]
    bricks = _hsv(rng, value + 0.04 * _noise(rng, 0.8), (5, 15), (0.55, 0.65))
    joint = (y % height < mortar) | (shifted % width < mortar)
    bricks[joint] = 0.72 * np.array([235, 228, 220], np.float32)
    return bricks


def _wood(rng: Generator) -> np.ndarray:
    y = np.arange(_TILE, dtype=np.float32)[:, None]
    grain = _noise(rng, 12, 0.8)
    value = 0.5 + 0.07 * grain + 0.05 * np.sin(y / 2.5 + 1.5 * _noise(rng, 14))
    value[::24] *= 0.55
    return _hsv(rng, value, (22, 32), (0.55, 0.7))


def _gravel(rng: Generator) -> np.ndarray:
    stones = _noise(rng, 1.6)
    value = 0.5 + 0.16 * np.sign(stones) * np.sqrt(np.abs(stones)) + 0.05 * _noise(rng, 0.5)
    return _hsv(rng, value, (0, 360), (0, 0.10))


def _hsv(
    rng: Generator, value: np.ndarray, hue: tuple[float, float], saturation: tuple[float, float]
) -> np.ndarray:
    """(T, T) brightness in 0..1 -> (T, T, 3) colour in 0..255 of one hue and saturation."""
    return value[..., None].astype(np.float32) * _colour(
        rng.uniform(*hue), rng.uniform(*saturation), 1.0
    )


def _colour(hue: float, saturation: float, value: float) -> np.ndarray:
    """HSV (degrees, 0..1, 0..1) -> (3,) float32 RGB in 0..255."""
    pixel = np.array([[[hue % 360, saturation, value]]], np.float32)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0] * 255


@cache
def _texture_bank() -> tuple[tuple[np.ndarray, ...], ...]:
    rng = np.random.default_rng(0)
    makers = (_grass, _water, _sand, _brick, _wood, _gravel)
    return tuple(tuple(make(rng) for _ in range(_TILES_PER_STUFF)) for make in makers)


def _texture(rng: Generator, stuff: int, size: int) -> np.ndarray:
    """A random tile of one stuff class, warped and with another gain: (size, size, 3) float32."""
    tile = _texture_bank()[stuff][rng.integers(_TILES_PER_STUFF)]
    angle = rng.uniform(-12, 12) + (180 if rng.random() < 0.5 else 0)
    warp = cv2.getRotationMatrix2D((size / 2, size / 2), angle, rng.uniform(0.8, 1.35))
    warp = warp + np.pad(rng.uniform(-12, 12, (2, 1)), ((0, 0), (2, 0)))
    patch = cv2.warpAffine(tile, warp, (size, size), borderMode=cv2.BORDER_WRAP)
    return patch * (rng.uniform(0.8, 1.2) * rng.uniform(0.94, 1.06, 3)).astype(np.float32)


def _draw_stuff(rng: Generator, stuff: list[int], size: int) -> tuple[np.ndarray, np.ndarray]:
    count = 2 if rng.random() < 0.6 else 3
    chosen = rng.permutation(stuff)[:count]
    first_angle = rng.uniform(0, 2 * np.pi)
    angles = (first_angle + rng.uniform(-0.5, 0.5), first_angle + rng.uniform(1.2, 5))
    y, x = np.mgrid[:size, :size].astype(np.float32) - (size - 1) / 2

    image = _texture(rng, chosen[0], size)
    label = np.full((size, size), chosen[0], np.uint8)
    for class_, angle in zip(chosen[1:], angles, strict=False):
        u, w = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        offset = size * (rng.uniform(-0.12, 0.15) if count == 2 else rng.uniform(0, 0.22))
        border = offset + rng.uniform(1, 5) * np.sin(
            w / rng.uniform(5, 14) + rng.uniform(0, 2 * np.pi)
        )
        inside = u > border
        alpha = cv2.GaussianBlur(inside.astype(np.float32), (3, 3), 0.7)[..., None]
        image += alpha * (_texture(rng, class_, size) - image)
        label[inside] = class_
    return image, label


# ---- things: shaded outlines with a soft shadow


@dataclass(frozen=True)
class _Outline:
    alpha: np.ndarray  # (S, S) float32, coverage 0..1
    class_: int
    centre: np.ndarray  # (x, y) in pixels
    radius: float


def _polygon(shape: str) -> np.ndarray:
    """(V, 2) corners of a shape of radius 1, x right and y down."""
    if shape in ("circle", "ring"):
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        return np.stack([np.cos(turn), np.sin(turn)], 1)
    if shape == "square":
        turn = np.pi / 4 + np.arange(4) * np.pi / 2
        return 1.12 * np.stack([np.cos(turn), np.sin(turn)], 1)
    if shape == "triangle":
        turn = -np.pi / 2 + np.arange(3) * 2 * np.pi / 3
        return 1.2 * np.stack([np.cos(turn), np.sin(turn)], 1)
    if shape == "star":
        turn = -np.pi / 2 + np.arange(10) * np.pi / 5
        reach = np.where(np.arange(10) % 2 == 0, 1.2, 0.5)
        return reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    a, b = 0.36, 1.08  # cross: half width and half length of the arms
    arm = [
        (-a, -b),
        (a, -b),
        (a, -a),
        (b, -a),
        (b, a),
        (a, a),
        (a, b),
        (-a, b),
        (-a, a),
        (-b, a),
        (-b, -a),
        (-a, -a),
    ]
    return np.array(arm)


_POLYGONS = {shape: _polygon(shape) for shape in SHAPES}


def _outline(rng: Generator, class_: int, size: int, max_rotation: float) -> _Outline:
    shape = SHAPES[(class_ - len(STUFF)) // len(HUES)]
    radius = float(np.exp(rng.uniform(np.log(9), np.log(21)))) * size / 96
    centre = rng.uniform(0.08, 0.92, 2) * size
    turn = np.deg2rad(rng.uniform(-max_rotation, max_rotation))
    aspect = np.exp(rng.uniform(-0.12, 0.12))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (_POLYGONS[shape] * radius * [aspect, 1 / aspect]) @ rotation.T + centre

    # Twice the resolution, with 4 fractional bits for the corners, then averaged to a coverage.
    fine = np.zeros((2 * size, 2 * size), np.uint8)
    rings = [corners]
    if shape == "ring":
        rings.append((corners - centre) * 0.52 + centre)
    cv2.fillPoly(
        fine, [np.round((ring * 2 - 0.5) * 16).astype(np.int32) for ring in rings], 255, shift=4
    )
    alpha = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return _Outline(alpha, class_, centre, radius)


def _fits(mask: np.ndarray, instance: np.ndarray, areas: list[int]) -> bool:
    """
    False if too little of the new object shows, or too little would be left of an earlier one.
    """
    if mask.sum() < 40:
        return False
    covered = np.bincount(instance[mask] + 1, minlength=len(areas) + 1)[1:]
    visible = np.bincount(instance.ravel() + 1, minlength=len(areas) + 1)[1:]
    original = np.array(areas, float)
    return not ((covered > 0.45 * original) | (visible - covered < 0.5 * original)).any()


def _paint(rng: Generator, image: np.ndarray, outline: _Outline) -> None:
    """Draws the object and its shadow into `image`, in place."""
    hue = list(HUES.values())[(outline.class_ - len(STUFF)) % len(HUES)]
    colour = _colour(hue + rng.uniform(-9, 9), rng.uniform(0.62, 0.95), rng.uniform(0.55, 0.95))
    reach = 1.5 * outline.radius + 8  # all of the object and its shadow
    left, top = np.maximum(outline.centre - reach, 0).astype(int)
    right, bottom = np.ceil(outline.centre + reach).astype(int)
    image, alpha = image[top:bottom, left:right], outline.alpha[top:bottom, left:right]
    y, x = np.indices(alpha.shape, np.float32)
    x = (x + left - outline.centre[0]) / outline.radius
    y = (y + top - outline.centre[1]) / outline.radius

    direction = rng.uniform(0, 2 * np.pi)
    gain = 1 + rng.uniform(0, 0.22) * np.clip(np.cos(direction) * x + np.sin(direction) * y, -1, 1)
    pattern = rng.random()
    if pattern < 0.2:  # stripes
        turn, period = rng.uniform(0, np.pi), rng.uniform(3, 6) / outline.radius
        stripe = np.sin(2 * np.pi * (np.cos(turn) * x + np.sin(turn) * y) / period) > 0
        gain *= 1 - rng.uniform(0.08, 0.20) * stripe
    elif pattern < 0.4:  # dots
        period = rng.uniform(4, 7) / outline.radius
        dot = np.hypot((x / period) % 1 - 0.5, (y / period) % 1 - 0.5) < 0.28
        gain *= 1 - rng.uniform(0.15, 0.30) * dot

    shadow = np.zeros_like(alpha)
    shadow[2:, 1:] = alpha[:-2, :-1]
    image *= 1 - 0.35 * cv2.GaussianBlur(shadow, (0, 0), 1.5)[..., None]
    image += alpha[..., None] * (gain[..., None] * colour - image)


def _light(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Uneven light, colour cast and sensor noise; back to uint8."""
    size = len(image)
    y, x = np.mgrid[:size, :size].astype(np.float32) / (size - 1) - 0.5
    direction = rng.uniform(0, 2 * np.pi)
    ramp = rng.uniform(0, 0.15) * (np.cos(direction) * x + np.sin(direction) * y)
    cast = (rng.uniform(0.85, 1.12) * rng.uniform(0.95, 1.05, 3)).astype(np.float32)
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(2, 9)
    return np.clip(np.round(image * (1 + ramp)[..., None] * cast + noise), 0, 255).astype(np.uint8)
