"""Sliding windows: every part of an image at the size a model was trained on, averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..readout.maps import ScoreMaps, Size
from ..resize import squash
from .batches import alike
from .modes import Inputs, Predict

Window = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class SlidingWindow:
    """
    Scores of overlapping windows, divided by how many cover a pixel, then resized (bilinear).

    A window that would stick out is shifted back to end at the border; a side shorter than the
    window is one window long.

    Args:
        crop: side of the square windows (pixels).
        stride: from one window to the next (pixels).
        resize_to: squash the image to this side (or height and width) first, without keeping its
            ratio; 0 keeps it.
        with_whole: also look at the whole image, squashed to `crop`, and take the mean of that and
            of the windows (CAT-Seg, arXiv 2303.11797).
        batch: windows a pass.

    Raises:
        ValueError: a size that is no size, or windows with gaps in between.
    """

    crop: int
    stride: int
    resize_to: int | Size = 0
    with_whole: bool = False
    batch: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.crop or self.batch < 1:
            raise ValueError(
                f"windows of {self.crop} pixels every {self.stride}, {self.batch} at a time, "
                "cannot cover an image; expected 1 <= STRIDE <= CROP and 1 or more at a time "
                "(TEST.SLIDING_WINDOW)."
            )

    def __call__(self, predict: Predict, batched_inputs: Inputs) -> list[ScoreMaps]:
        """As `InferenceMode`."""
        return [self._one(predict, inputs) for inputs in batched_inputs]

    def _one(self, predict: Predict, inputs: dict[str, Any]) -> ScoreMaps:
        image: Tensor = inputs["image"]
        canvas = squash(image[None], self.resize_to)[0] if self.resize_to else image
        size = (canvas.shape[1], canvas.shape[2])
        windows = [
            (rows, columns) for rows in self._along(size[0]) for columns in self._along(size[1])
        ]
        views = [canvas[:, rows, columns] for rows, columns in windows]
        if self.with_whole:
            views.append(squash(image[None], self.crop)[0])
        asked = [
            {**inputs, "image": view, "height": view.shape[1], "width": view.shape[2]}
            for view in views
        ]
        seen: list[ScoreMaps] = []
        # The whole is no window where the image is smaller: in one batch either would be padded.
        for batch in alike(asked, lambda view: view["image"].shape, self.batch):
            seen += predict(batch)
        merged = _pasted(seen[: len(windows)], windows, size)
        if self.with_whole:
            merged = ScoreMaps.mean([merged, seen[-1].resized(size)])
        height, width = image.shape[-2:]
        return merged.resized((inputs.get("height", height), inputs.get("width", width)))

    def _along(self, side: int) -> list[slice]:
        count = max(side - self.crop + self.stride - 1, 0) // self.stride + 1
        starts = [max(min(i * self.stride, side - self.crop), 0) for i in range(count)]
        return [slice(start, min(start + self.crop, side)) for start in starts]


def _pasted(parts: list[ScoreMaps], windows: list[Window], size: Size) -> ScoreMaps:
    """The mean of the parts wherever they overlap."""
    count = torch.zeros(size)
    for window in windows:
        count[window] += 1

    def maps(classes: slice) -> Tensor:
        scores = parts[0].maps(classes)
        total = scores.new_zeros(len(scores), *size)
        for number, (rows, columns) in enumerate(windows):
            total[:, rows, columns] += parts[number].maps(classes) if number else scores
        return total / count.to(total)

    return ScoreMaps(maps, parts[0].num_classes, size)
