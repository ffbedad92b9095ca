"""
Image-caption pairs drawn from Shapes scenes: what the tiny CLIP is trained on.

Masks only cut out product-style photos, they are never a target. Half of the cut-outs follow a
coarsened mask, because the masks a segmenter predicts have rounded corners, unlike ground truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from .shapes import NAMES, STUFF, Scene, draw_scene

THING_TEMPLATES = (
    *(
        "a photo of a {}.",
        "a {}.",
        "the {}.",
        "a picture of a {}.",
        "an image of a {}.",
        "a photo of the {}.",
    ),
    *(
        "a drawing of a {}.",
        "a close up of a {}.",
        "a small {}.",
        "a large {}.",
        "there is a {}.",
        "this is a {}.",
    ),
)
STUFF_TEMPLATES = tuple(
    t.replace(" a {}", " {}").replace("a {}", "{}").replace("the {}", "{}") for t in THING_TEMPLATES
)
PREPOSITIONS = ("on", "on the", "with", "over")
# The mean colour of open_clip's normalisation: what is cut away becomes 0 for the network.
FILL = np.array([123, 117, 104], np.uint8)
_PARTS = 4
_SHOWING = 0.7  # of a patch: what is smaller need not be named


@dataclass(frozen=True)
class Part:
    """
    Attributes:
        top, left, side: the window, in patches.
        names: all classes that show in it.
    """

    top: int
    left: int
    side: int
    names: frozenset[str]


@dataclass(frozen=True)
class Pair:
    """
    Attributes:
        image: (S, S, 3) uint8 RGB.
        caption: the text.
        names: classes the caption names; pairs with equal names are positives of each other.
        parts: windows of the image whose captions leave nothing out.
    """

    image: np.ndarray
    caption: str
    names: frozenset[str]
    parts: tuple[Part, ...] = ()


def draw_pairs(seed: int, index: int, size: int = 48) -> list[Pair]:
    """
    Five pairs of scene `index`: a view, three object photos and a stuff photo, each `size` pixels
    wide.
    """
    scene = draw_scene(seed, index)
    rng = np.random.default_rng([seed, index, 1])
    pairs = [_view(rng, scene, size), *_object_photos(rng, scene, 3, size)]
    while len(pairs) < 5:
        pairs.append(_stuff_photo(rng, scene, size))
    return pairs


def draw_described_pairs(seed: int, index: int, size: int = 48, patch: int = 8) -> list[Pair]:
    """
    Three pairs of scene `index`: all of it at its own size (every eighth scene half as large
    again), described as a whole and in parts, and two photos of an object or a stuff, `size` pixels
    wide.

    Args:
        patch: side in pixels of what a part is made of.
    """
    scene = draw_scene(seed, index)
    rng = np.random.default_rng([seed, index, 2])
    full = len(scene.image)
    pairs = [_described_view(rng, scene, full * 3 // 2 if index % 8 == 0 else full, patch)]
    pairs += _object_photos(rng, scene, 1 if rng.random() < 0.4 else 2, size)
    while len(pairs) < 3:
        pairs.append(_stuff_photo(rng, scene, size))
    return pairs


def cut_out(
    image: np.ndarray, mask: np.ndarray, margin: float, pad: float, size: int
) -> np.ndarray:
    """
    Crops the square around `mask`, `margin` times as wide as its box plus `pad` pixels a side, with
    FILL outside.

    Args:
        image: (H, W, 3) uint8. mask: (H, W) bool, not empty.

    Returns:
        (size, size, 3) uint8.
    """
    masked = np.where(mask[..., None], image, FILL)
    return _square(masked, mask, np.full(2, margin), size, pad)


def _object_photos(rng: Generator, scene: Scene, count: int, size: int) -> list[Pair]:
    """Of objects that show well enough; none if there are none."""
    visible = np.bincount(scene.instance[scene.instance >= 0], minlength=len(scene.things))
    whole = [i for i, area in enumerate(scene.areas) if visible[i] >= max(40, 0.4 * area)]
    chosen = rng.choice(whole, count) if whole else ()
    return [_object_photo(rng, scene, int(i), size) for i in chosen]


def _described_view(rng: Generator, scene: Scene, size: int, patch: int) -> Pair:
    """The scene at another size; its parts: all of it, and windows a third to two thirds wide."""
    grid = size // patch
    label = cv2.resize(scene.label, (size, size), interpolation=cv2.INTER_NEAREST)
    parts = []
    for i in range(1 + _PARTS):
        side = grid if i == 0 else int(rng.integers(grid // 3, grid * 2 // 3 + 1))
        top, left = (int(place) for place in rng.integers(0, grid - side + 1, 2))
        window = label[top * patch : (top + side) * patch, left * patch : (left + side) * patch]
        shown = np.flatnonzero(np.bincount(window.ravel()) > _SHOWING * patch**2)
        parts.append(Part(top, left, side, frozenset(NAMES[i] for i in shown)))
    names = rng.permutation(sorted(parts[0].names)).tolist()
    things, stuff = [n for n in names if n not in STUFF], [n for n in names if n in STUFF]
    image = _resized(scene.image, size)
    return Pair(image, _sentence(rng, things, stuff), parts[0].names, tuple(parts))


def _view(rng: Generator, scene: Scene, size: int) -> Pair:
    full = len(scene.image)
    side = int(rng.uniform(52, full + 1) if full > 52 else full)
    top, left = rng.integers(0, full - side + 1, 2)
    window = np.s_[top : top + side, left : left + side]
    instance, label = scene.instance[window], scene.label[window]

    names = []
    seen = np.bincount(instance[instance >= 0], minlength=len(scene.things))
    for class_, pixels, area in zip(scene.things, seen, scene.areas, strict=True):
        if (
            pixels >= 60
            and pixels > 0.5 * area
            and rng.random() < 0.85
            and NAMES[class_] not in names
        ):
            names.append(NAMES[class_])
    rng.shuffle(names)
    share = np.bincount(label.ravel(), minlength=len(STUFF))[: len(STUFF)] / label.size
    stuff = [STUFF[i] for i in np.flatnonzero(share > 0.12)]
    rng.shuffle(stuff)
    if rng.random() > 0.6 and names:
        stuff = []
    if not names and not stuff:
        stuff = [STUFF[int(share.argmax())]]

    caption = _sentence(rng, names, stuff)
    image = cv2.resize(scene.image[window], (size, size), interpolation=cv2.INTER_AREA)
    return Pair(image, caption, frozenset(names + stuff))


def _sentence(rng: Generator, names: list[str], stuff: list[str]) -> str:
    """ "a red star and the blue ring on grass.", in any of its wordings."""
    things = [
        f"{'a' if i == 0 or rng.random() < 0.5 else 'the'} {name}" for i, name in enumerate(names)
    ]
    caption = _listing(things)
    if things and stuff:
        caption += f" {rng.choice(PREPOSITIONS)} "
    caption += _listing(stuff) + "."
    return f"a photo of {caption}" if rng.random() < 0.4 else caption


def _object_photo(rng: Generator, scene: Scene, index: int, size: int) -> Pair:
    name = NAMES[scene.things[index]]
    mask = scene.instance == index
    if rng.random() < 0.25:  # a segment of a semantic map may be several objects
        mask = scene.label == scene.things[index]
    caption = str(rng.choice(THING_TEMPLATES)).format(name)
    jitter = rng.uniform(0.94, 1.06, 2)
    if rng.random() < 0.7:
        cut = _roughen(rng, mask)
        image = _square(
            np.where(cut[..., None], scene.image, FILL), cut, rng.uniform(1.0, 1.4) * jitter, size
        )
        return Pair(image, caption, frozenset([name]))

    image = _square(scene.image, mask, rng.uniform(1.0, 1.4) * jitter, size)
    names = {name}
    if rng.random() < 0.4:
        around = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        stuff = scene.label[around & (scene.label < len(STUFF))]
        if len(stuff):
            ground = STUFF[int(np.bincount(stuff).argmax())]
            caption = f"{caption[:-1]} on {ground}."
            names.add(ground)
    return Pair(image, caption, frozenset(names))


def _stuff_photo(rng: Generator, scene: Scene, size: int) -> Pair:
    present, pixels = np.unique(scene.label[scene.label < len(STUFF)], return_counts=True)
    large = present[pixels > 200] if (pixels > 200).any() else present
    class_ = int(rng.choice(large))
    mask = scene.label == class_
    name = STUFF[class_]
    caption = str(rng.choice(STUFF_TEMPLATES)).format(name)
    if rng.random() < 0.3:
        ys, xs = np.nonzero(mask)
        for _ in range(8):
            side = int(rng.integers(16, 41))
            i = rng.integers(len(ys))
            top = int(np.clip(ys[i] - side // 2, 0, len(mask) - side))
            left = int(np.clip(xs[i] - side // 2, 0, len(mask) - side))
            window = np.s_[top : top + side, left : left + side]
            if mask[window].mean() >= 0.6:
                image = cv2.resize(
                    scene.image[window], (size, size), interpolation=cv2.INTER_LINEAR
                )
                return Pair(image, caption, frozenset([name]))
    cut = _roughen(rng, mask)
    image = _square(
        np.where(cut[..., None], scene.image, FILL), cut, rng.uniform(1.0, 1.4, 2), size
    )
    return Pair(image, caption, frozenset([name]))


def _roughen(rng: Generator, mask: np.ndarray) -> np.ndarray:
    """
    What a segmenter might have predicted for `mask`: coarse, a pixel too wide, or a pixel too
    narrow.
    """
    kind = rng.random()
    rough = mask
    if kind < 0.55:
        grid = len(mask) // 4 if rng.random() < 0.7 else len(mask) * 3 // 16
        coarse = cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)
        rough = cv2.resize(coarse, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) > rng.uniform(
            0.35, 0.6
        )
    elif kind < 0.66:
        rough = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    elif kind < 0.73:
        rough = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return rough if rough.sum() > 25 else mask


def _square(
    image: np.ndarray, mask: np.ndarray, scale: np.ndarray, size: int, pad: float = 0
) -> np.ndarray:
    """The square around a mask, `scale` times as (wide, high), plus `pad` pixels a side."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    side = max(ys[-1] - ys[0], xs[-1] - xs[0]) + 1
    centre = (xs[0] + xs[-1] + 1) / 2, (ys[0] + ys[-1] + 1) / 2
    return _crop(image, centre, side * scale[0] + 2 * pad, side * scale[1] + 2 * pad, size)


def _crop(
    image: np.ndarray, centre: tuple[float, float], width: float, height: float, size: int
) -> np.ndarray:
    """Resamples a box that may leave the image, where FILL continues it."""
    left, right = round(centre[0] - width / 2), round(centre[0] + width / 2)
    top, bottom = round(centre[1] - height / 2), round(centre[1] + height / 2)
    box = np.empty((max(bottom - top, 1), max(right - left, 1), 3), np.uint8)
    box[:] = FILL
    y0, x0 = max(top, 0), max(left, 0)
    inside = image[y0:bottom, x0:right]
    box[y0 - top : y0 - top + inside.shape[0], x0 - left : x0 - left + inside.shape[1]] = inside
    return _resized(box, size)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3), averaged if that is smaller."""
    smaller = image.shape[0] > size
    return cv2.resize(
        image, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )


def _listing(words: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
