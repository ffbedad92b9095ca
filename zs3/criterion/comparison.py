"""Where predicted masks are compared with segments, by the matching and by the losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor

from .cells import resize_masks
from .segments import Segments


class Comparison(Protocol):
    """Gives logits and targets (0..1) at the same S places; S is the comparison's own."""

    def for_matching(
        self, layers: Sequence[Tensor], segments: Segments
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Places that all masks and segments of an image share.

        Args:
            layers: mask logits (B, Q, h, w) of each.

        Returns:
            Iterator: for each layer logits (B, Q, S) and, by image, targets (B, T, S).
        """

    def for_losses(self, masks: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits (M, h, w) and their segments (M, H, W) -> both as (M, S); M may be 0."""


class EveryCell:
    """Everywhere: matched at the size of the predictions, and learned at that of the segments."""

    def for_matching(
        self, layers: Sequence[Tensor], segments: Segments
    ) -> Iterator[tuple[Tensor, Tensor]]:
        height, width = layers[0].shape[2:]  # that of all layers
        small = resize_masks(segments.masks, (height, width), "nearest")
        targets = segments.by_image(small.flatten(1))
        return ((masks.flatten(2).float(), targets) for masks in layers)

    def for_losses(self, masks: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        height, width = targets.shape[1:]
        enlarged = resize_masks(masks.float(), (height, width), "bilinear")
        return enlarged.flatten(1), targets.flatten(1)
