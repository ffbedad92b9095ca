"""
From proposals to what CLIP is shown of them: a box around each mask, cut out of the image.

ZegFormer, arXiv 2112.07910. A mask's pixels are those with a positive logit. Images are
CLIP-normalised, so zero is the mean colour. Pixel i covers the coordinates from i to i + 1.
Shapes: M proposals of B images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import roi_align

STYLES = ("cropmask", "crop", "mask")


def tight_boxes(inside: Tensor) -> Tensor:
    """
    Boxes as published: indices of the first and last pixel serve as coordinates, so that the last
    row and column are left out. What has no area then (an empty mask, one row, one column) becomes
    the whole canvas.

    Args:
        inside: (M, H, W) bool.

    Returns:
        Tensor: (M, 4) int64, xmin, ymin, xmax, ymax.
    """
    (left, right), (top, bottom) = _extent(inside.any(-2)), _extent(inside.any(-1))
    boxes = torch.stack((left, top, right, bottom), -1)
    return _or_canvas(boxes, (right - left) * (bottom - top) > 0, inside)


@dataclass(frozen=True)
class SquareBoxes:
    """
    Squares, so that CLIP sees segments in their true proportions; they may leave the canvas.

    Args:
        margin: side of the square in units of the longer side of the mask's box.
        pad: pixels added on every side after that.
    """

    margin: float = 1.0
    pad: float = 0.0

    def __call__(self, inside: Tensor) -> Tensor:
        """(M, H, W) bool -> (M, 4) float, xmin, ymin, xmax, ymax; the canvas for an empty mask."""
        (left, right), (top, bottom) = _extent(inside.any(-2)), _extent(inside.any(-1))
        x, y = (left + right + 1) / 2, (top + bottom + 1) / 2
        half = (torch.maximum(right - left, bottom - top) + 1) * (self.margin / 2) + self.pad
        boxes = torch.stack((x - half, y - half, x + half, y + half), -1)
        return _or_canvas(boxes, inside.flatten(1).any(1), inside)


@dataclass(frozen=True)
class Crops:
    """
    Makes CLIP's inputs. Outside the canvas all is zero; a box does not keep its aspect ratio.

    Args:
        size: side S of CLIP's input.
        style: "cropmask" (the box, zero outside the mask), "crop" (the box with what surrounds the
            mask) or "mask" (the whole canvas, zero outside the mask).
        boxes: (M, H, W) bool -> (M, 4) boxes.

    Raises:
        ValueError: an unknown style.
    """

    size: int
    style: str = "cropmask"
    boxes: Callable[[Tensor], Tensor] = tight_boxes

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(
                f"no crop style is called {self.style!r}; there are {', '.join(STYLES)}."
            )

    def __call__(self, images: Tensor, masks: Tensor, owner: Tensor) -> Tensor:
        """
        Args:
            images: (B, 3, H, W), CLIP-normalised, zero-padded.
            masks: (M, H, W) logits at the same size.
            owner: (M,) int64, the image each mask belongs to.

        Returns:
            Tensor: (M, 3, S, S). Beside it, "cropmask" holds one masked copy (3, H, W) a proposal.
        """
        if self.style == "mask":
            size = (self.size, self.size)
            inside = F.interpolate(masks[:, None], size, mode="bilinear", align_corners=False) > 0
            return F.interpolate(images, size, mode="bilinear", align_corners=False)[owner] * inside
        inside = masks > 0
        boxes = self.boxes(inside).to(images)
        if self.style == "cropmask":
            images = images[owner].mul_(inside[:, None])
            owner = torch.arange(len(owner), device=owner.device)
        rois = torch.cat((owner[:, None].to(boxes), boxes), 1)
        return roi_align(images, rois, self.size, aligned=True)


def _extent(line: Tensor) -> tuple[Tensor, Tensor]:
    """First and last True of (M, L) bool; 0 and 0 where there is none."""
    places = torch.arange(line.shape[1], device=line.device)
    return line.int().argmax(1), (line * places).amax(1)


def _or_canvas(boxes: Tensor, valid: Tensor, inside: Tensor) -> Tensor:
    height, width = inside.shape[-2:]
    return torch.where(valid[:, None], boxes, boxes.new_tensor((0, 0, width, height)))
