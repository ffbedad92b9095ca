"""Test-time augmentation: the mean of the scores of an image at several sizes, and mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..data.augmentation import ResizeShortestEdge
from ..readout.maps import ScoreMaps
from .modes import InferenceMode, Inputs, Predict, whole


@dataclass(frozen=True)
class MultiScaleFlip:
    """
    MaskFormer's augmentation (arXiv 2107.06278, "multi-scale testing").

    An image, as the test resizing left it, is resized again to every size as an 8-bit picture. The
    scores at the output size are averaged, after calibration. The looks are taken one by one and
    kept (a region method's N masks at the padded size each) until the image has been read out.

    Args:
        min_sizes: lengths of the shorter side (pixels).
        max_size: the longer side stays below it.
        flip: look at the mirror image of every size as well.
        look: how each of them is looked at.
        softmax: scores are logits whose softmax is averaged (CAT-Seg's mmsegmentation port, whose
            windows are averaged as logits).
        class_chunk: classes whose maps are held at a time while softmax's denominator is summed up.

    Raises:
        ValueError: no size.
    """

    min_sizes: tuple[int, ...]
    max_size: int
    flip: bool = True
    look: InferenceMode = whole
    softmax: bool = False
    class_chunk: int = 64

    def __post_init__(self) -> None:
        if not self.min_sizes:
            raise ValueError("TEST.AUG.MIN_SIZES is empty; name a length of the shorter side.")

    def __call__(self, predict: Predict, batched_inputs: Inputs) -> list[ScoreMaps]:
        """As `InferenceMode`."""
        return [self._one(predict, inputs) for inputs in batched_inputs]

    def _one(self, predict: Predict, inputs: dict[str, Any]) -> ScoreMaps:
        image = inputs["image"]
        height, width = image.shape[-2:]
        inputs = {"height": height, "width": width, **inputs}
        pixels = image.round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        views: list[ScoreMaps] = []
        for size in self.min_sizes:
            resized = ResizeShortestEdge([size], self.max_size).image(pixels)
            view = torch.tensor(resized).permute(2, 0, 1)
            views += self.look(predict, [{**inputs, "image": view}])
            if self.flip:
                (mirrored,) = self.look(predict, [{**inputs, "image": view.flip(-1)}])
                views.append(mirrored.mirrored())
        if self.softmax:
            views = [view.softmax(self.class_chunk) for view in views]
        return ScoreMaps.mean(views)
