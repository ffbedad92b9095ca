"""The ground truth of a batch as masks: what set criteria match their regions with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..vocabulary import IGNORE
from .cells import Cells


@dataclass(frozen=True)
class Segments:
    """
    The segments of all images in one row, image after image. They may overlap.

    Attributes:
        labels: (T,) int64, the class of each segment.
        masks: (T, H, W) float32, 0..1: the share of a cell that the segment covers.
        counts: how many segments each of the B images has; they sum to T.
    """

    labels: Tensor
    masks: Tensor
    counts: tuple[int, ...]

    @classmethod
    def of_lists(cls, labels: Sequence[Tensor], masks: Sequence[Tensor]) -> Segments:
        """Labels (T_b,) and masks (T_b, H, W) of B images; an image may have no segment."""
        counts = tuple(map(len, labels))
        return cls(torch.cat(tuple(labels)), torch.cat(tuple(masks)).float(), counts)

    @classmethod
    def of_map(cls, targets: Tensor, num_classes: int, size: int = 0) -> Segments:
        """
        One segment for every label an image shows, in ascending order.

        Args:
            targets: (B, H, W) int64 labels below `num_classes`, or IGNORE: pixels of no segment.
            size: side of the masks in cells, see `Cells`; 0 keeps H x W.

        Raises:
            ValueError: a label that is neither a class nor IGNORE.
        """
        void, wrong = num_classes, num_classes + 1
        known = (targets >= 0) & (targets < num_classes)
        labels = torch.where(known, targets, torch.where(targets == IGNORE, void, wrong)).flatten(1)
        found = torch.zeros(len(targets), num_classes + 2, dtype=torch.bool, device=targets.device)
        found = found.scatter_(1, labels, True).cpu()
        if found[:, wrong].any():
            bad = targets[~known & (targets != IGNORE)][0].item()
            raise ValueError(
                f"targets contain label {bad}, but there are {num_classes} classes; expected "
                f"0..{num_classes - 1}, or {IGNORE} for pixels to ignore."
            )
        present = found[:, :num_classes]
        count = int(present.sum())
        rank = torch.full(found.shape, count)  # of a label among the segments; void is behind all
        rank[:, :num_classes][present] = torch.arange(count)
        segment = rank.to(targets.device).gather(1, labels)  # (B, H * W)

        # Cells before segments in memory: resizing and losses then run over many masks at a time.
        cells = Cells.of(targets, size)
        cover = torch.zeros(*cells.size, count + 1, device=targets.device)
        position = (cells.index * (count + 1) + segment).flatten()
        one = torch.ones(len(position), device=targets.device)
        cover.view(-1).scatter_add_(0, position, one)
        cover /= cells.pixels.view(*cells.size, 1)
        classes = present.nonzero()[:, 1].to(targets.device)
        return cls(classes, cover.permute(2, 0, 1)[:count], tuple(present.sum(1).tolist()))

    def by_image(self, values: Tensor) -> Tensor:
        """
        Values of the segments (T, ...) as (B, most segments of an image, ...); zeros behind those
        of an image that has fewer than another.
        """
        return pad_sequence(list(values.split(self.counts)), batch_first=True)
