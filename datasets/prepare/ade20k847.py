#!/usr/bin/env python
"""
Makes images and label maps of ADE20K-Full with 847 classes.

Below $DETECTRON2_DATASETS (default: datasets):

    ADE20K_2021_17_01/images/ADE/{training,validation}    ADE20K_2021_17_01.zip (after registration)

    python datasets/prepare/ade20k847.py --jobs 8

writes zs3/{images,labels}/ade847/{training,validation} there: copies whose shorter side is 512
pixels at most, the size they are trained on and evaluated at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from zs3.commands.errors import say_errors
from zs3.data.augmentation import shortest_edge_size
from zs3.data.datasets import ade20k
from zs3.data.image_set import ImageSet, data_root
from zs3.data.preparation import (
    Annotations,
    Input,
    expect_count,
    expect_inputs,
    files_by_name,
    in_parallel,
    prepare,
    script_arguments,
)
from zs3.data.reading import image_size, read_image
from zs3.files import remove_unfinished, write_atomically

ADE = "ADE20K_2021_17_01/images/ADE"
MASK = "_seg.png"
SIDE = 512


def sources(image_set: ImageSet) -> Mapping[str, Path]:
    return files_by_name(data_root() / ADE / image_set.folder.name, MASK)


def read(mask: Path) -> np.ndarray:
    """The object's number is in the red and green channels; blue tells instances apart."""
    colours = read_image(mask).astype(np.uint16)
    return small(colours[..., 0] // 10 * 256 + colours[..., 1], cv2.INTER_NEAREST)


def small(pixels: np.ndarray, interpolation: int) -> np.ndarray:
    """(H, W) or (H, W, 3) with a shorter side of at most SIDE."""
    if min(pixels.shape[:2]) <= SIDE:
        return pixels
    height, width = shortest_edge_size(*pixels.shape[:2], SIDE, max(pixels.shape) * SIDE)
    return cv2.resize(pixels, (width, height), interpolation=interpolation)


def write_small_image(force: bool, item: tuple[Path, Path]) -> None:
    mask, copy = item
    with suppress(FileNotFoundError, ValueError):
        if not force and image_size(copy):
            return
    image = read_image(mask.with_name(mask.name.replace(MASK, ".jpg")))
    encoded = cv2.imencode(".jpg", small(image, cv2.INTER_LINEAR)[..., ::-1])[1]
    write_atomically(copy, encoded.tobytes(), wait=False)


def prepare_images_and_labels(sets: Sequence[ImageSet], jobs: int, force: bool) -> None:
    expect_inputs(ANNOTATIONS.inputs)
    items = []
    for image_set in sets:
        masks = sources(image_set)
        expect_count(image_set, len(masks), data_root() / ADE / image_set.folder.name)
        items += [
            (mask, data_root() / image_set.images.format(name)) for name, mask in masks.items()
        ]
    for folder in {copy.parent for _, copy in items}:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
    for _ in in_parallel(partial(write_small_image, force), items, jobs, "images"):
        pass
    prepare(sets, ANNOTATIONS, jobs, force)


ANNOTATIONS = Annotations(
    inputs=[
        Input(
            (f"{ADE}/{part}",),
            "from ADE20K_2021_17_01.zip, https://groups.csail.mit.edu/vision/datasets/ADE20K",
        )
        for part in ("training", "validation")
    ],
    sources=sources,
    read=read,
    domain=range(65536),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    sets = [chosen for chosen in ade20k.SETS if chosen.dataset == "ade20k847"]
    say_errors(lambda: prepare_images_and_labels(sets, args.jobs, args.force))


if __name__ == "__main__":
    main()
