"""
What a segmentor answers in an evaluation: labels at the size they are compared at, and its rivals
where a calibration curve wants them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..readout import ClassMaps, Prepared, Readout, best_class
from ..segmentor import Inputs, ZeroShotSegmentor
from .calibration import RIVALS, Rivals

Answer = dict[str, Any]  # Any: tensors by name, and Rivals


def answering(
    model: ZeroShotSegmentor, size: str = "label", with_rivals: bool = False
) -> Callable[[Inputs], list[Answer]]:
    """
    Args:
        size: one of SIZES.
        with_rivals: every answer also has the image's `Rivals` under RIVALS; its vocabulary must
            have both seen and unseen names.

    Returns:
        a function of a batch that gives a dict with "labels" (H, W) for every image.
    """

    def read(prepared: Prepared, image: int, label_size: tuple[int, int]) -> Answer:
        maps = _maps(model.readout, prepared, image, label_size, size)
        if not with_rivals:
            return {"labels": best_class(maps, prepared.num_classes, model.class_chunk)}
        is_seen = prepared.scene.is_seen
        is_seen = is_seen.expand(len(prepared.scene.images.images), -1)[image]
        rivals = Rivals.of(maps, is_seen, model.class_chunk)
        return {"labels": rivals.answers(), RIVALS: rivals}

    def answer(inputs: Inputs) -> list[Answer]:
        with torch.inference_mode():
            return model.predict(inputs, read)

    return answer


def _maps(
    readout: Readout, prepared: Prepared, image: int, label_size: tuple[int, int], size: str
) -> ClassMaps:
    if size == "grid":
        return readout.grid_maps(prepared, image)
    return readout.maps(
        prepared, image, prepared.scene.images.sizes[image] if size == "input" else label_size
    )
