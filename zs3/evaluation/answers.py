"""
What a segmentor answers in an evaluation: labels at the size they are compared at, and its rivals
where a calibration curve wants them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..inference.modes import Inputs
from ..readout.maps import ScoreMaps
from ..segmentor import ZeroShotSegmentor
from .calibration import RIVALS
from .rivals import Rivals

Answer = dict[str, Any]  # Any: tensors by name, and Rivals


def answering(
    model: ZeroShotSegmentor, size: str = "label", with_rivals: bool = False
) -> Callable[[Inputs], list[Answer]]:
    """
    Args:
        size: one of SIZES.
        with_rivals: every answer also has the image's `Rivals` under RIVALS. Inputs then bring a
            "vocabulary" of both seen and unseen names.

    Returns:
        a function of a batch that gives a dict with "labels" (H, W) for every image.
    """

    def answer(maps: ScoreMaps, inputs: dict[str, Any]) -> Answer:
        labels = {"labels": maps.labels(model.class_chunk)}
        if not with_rivals:
            return labels
        is_seen = torch.tensor(inputs["vocabulary"].is_seen, device=model.device)
        return {**labels, RIVALS: Rivals.of(maps, is_seen, model.class_chunk)}

    def answers(batched_inputs: Inputs) -> list[Answer]:
        with torch.inference_mode():
            looks = zip(_looks(model, batched_inputs, size), batched_inputs, strict=True)
            return [answer(maps, inputs) for maps, inputs in looks]

    return answers


def _looks(model: ZeroShotSegmentor, batched_inputs: Inputs, size: str) -> list[ScoreMaps]:
    if size == "grid":
        prepared = model.prepare(batched_inputs)
        return [model.readout.read_grid(prepared, i) for i in range(len(batched_inputs))]
    if size == "input":  # what a model takes where nothing is said
        sizes = ("height", "width")
        batched_inputs = [
            {key: value for key, value in inputs.items() if key not in sizes}
            for inputs in batched_inputs
        ]
    return model.predict(batched_inputs)
