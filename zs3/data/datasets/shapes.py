"""
The Shapes benchmark by name: shapes_SPLIT_SET, SPLIT being "mixed" or "combination", and SET

    train, train_5k                  3000 or 5000 images that show seen classes only
    ignore_train, ignore_train_5k    as many that show all; pixels of unseen ones become ignore
    test, fresh                      200 images of all classes each; "fresh" checks what was chosen
                                     by looking at "test"
    episodes_test, episodes_fresh    the same images, once for every unseen class they show, asked
                                     about this class and "others" (as PASCAL-5i)

Nothing lies on disk: a set is drawn when it is first asked for, and kept.
"""

from __future__ import annotations

from colorsys import hsv_to_rgb
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from tqdm import tqdm

from ...runtime.data import DatasetCatalog, MetadataCatalog
from ...vocabulary import Vocabulary
from ..mapper import IMAGE_ARRAY, LABEL_ARRAY, Sample
from ..shapes import HUES, NAMES, UNSEEN_KINDS, draw_scene, unseen_names

IGNORE_LABEL = 255
_STUFF_COLOURS = {
    "grass": [70, 130, 60],
    "water": [90, 160, 195],
    "sand": [225, 205, 145],
    "brick": [160, 85, 65],
    "wood": [140, 100, 55],
    "gravel": [128, 128, 128],
}


@dataclass(frozen=True)
class ShapesSet:
    """
    Attributes:
        seed: of the stream of scenes.
        count: images, scenes 0..count-1 of the stream.
        seen_only: unseen classes are not drawn.
        episodes: a sample is an image and an unseen class that it shows.
    """

    seed: int
    count: int
    seen_only: bool = False
    episodes: bool = False


SETS = {
    "train": ShapesSet(1, 3000, seen_only=True),
    "train_5k": ShapesSet(1, 5000, seen_only=True),
    "ignore_train": ShapesSet(1, 3000),
    "ignore_train_5k": ShapesSet(1, 5000),
    "test": ShapesSet(2, 200),
    "fresh": ShapesSet(3, 200),
    "episodes_test": ShapesSet(2, 200, episodes=True),
    "episodes_fresh": ShapesSet(3, 200, episodes=True),
}


def register_shapes() -> None:
    """Registers every set of every split, unless that has happened before."""
    for split in UNSEEN_KINDS:
        for set_name, chosen in SETS.items():
            name = f"shapes_{split}_{set_name}"
            if name in DatasetCatalog.list():
                continue
            DatasetCatalog.register(name, partial(shapes_samples, name, split, chosen))
            MetadataCatalog.get(name).set(
                stuff_classes=list(NAMES),
                unseen=list(unseen_names(split)),
                kinds={kind: list(names) for kind, names in UNSEEN_KINDS[split].items()},
                ignore_label=IGNORE_LABEL,
                palette=palette(),
                evaluator_type="episodes" if chosen.episodes else "sem_seg",
            )


def shapes_samples(name: str, split: str, chosen: ShapesSet) -> list[Sample]:
    """
    Dataset dicts that hold their pixels.

    Args:
        name: what "file_name" starts with.
    """
    exclude = unseen_names(split) if chosen.seen_only else ()
    images, labels = draw_scenes(chosen.seed, chosen.count, exclude)
    height, width = labels.shape[1:]
    samples: list[Sample] = [
        {
            "file_name": f"{name}/{i:05d}.png",
            "image_id": i,
            "height": height,
            "width": width,
            IMAGE_ARRAY: images[i],
            LABEL_ARRAY: labels[i],
        }
        for i in range(chosen.count)
    ]
    if not chosen.episodes:
        return samples
    vocabulary = Vocabulary.of(NAMES, unseen_names(split))
    return [
        {**sample, "episode": name, "vocabulary": vocabulary.against_others(name)}
        for sample in samples
        for name in vocabulary.unseen
        if vocabulary.index(name) in sample[LABEL_ARRAY]
    ]


@cache
def draw_scenes(seed: int, count: int, exclude: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, S, S, 3) and labels (count, S, S), uint8; 3 ms and 37 kB each, but once."""
    numbers = tqdm(range(count), desc="drawing Shapes", unit="image", disable=None, leave=False)
    scenes = [draw_scene(seed, i, exclude) for i in numbers]
    return np.stack([scene.image for scene in scenes]), np.stack([scene.label for scene in scenes])


def palette() -> list[list[int]]:
    """RGB colours for pictures of label maps: stuff as it looks, things in their own hue."""
    shades = ((0.95, 0.9), (0.5, 1.0), (0.9, 0.65), (0.35, 0.85), (0.75, 0.45), (0.6, 0.75))
    things = [hsv_to_rgb(hue / 360, *shade) for shade in shades for hue in HUES.values()]
    return [
        *_STUFF_COLOURS.values(),
        *([round(255 * channel) for channel in thing] for thing in things),
    ]
