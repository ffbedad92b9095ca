"""A batch of images of different sizes, before anybody has normalised it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageBatch:
    """
    Every image tower asks for the batch with its own statistics, so images stay as they were read.

    Args:
        images: B tensors (3, H, W), RGB, 0..255, uint8 or float, on one device.
        size_divisibility: the common padded size is a multiple of it; 0 or 1 for none.
    """

    images: tuple[Tensor, ...]
    size_divisibility: int = 0

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(H, W) of every image, unpadded."""
        return tuple((image.shape[1], image.shape[2]) for image in self.images)

    @property
    def padded_size(self) -> tuple[int, int]:
        """(H, W) of the batch: the largest height and width, rounded up to the divisibility."""
        step = max(self.size_divisibility, 1)
        height, width = (max(sizes) for sizes in zip(*self.sizes, strict=True))
        return -(-height // step) * step, -(-width // step) * step

    def normalised(self, mean: Tensor, std: Tensor) -> Tensor:
        """
        (x - mean) / std, then zeros at the right and bottom: what is padded looks like the mean
        colour.

        Args:
            mean, std: (3 T, 1, 1) on the 0..255 scale, those of T towers in turn; usually T = 1.

        Returns:
            Tensor: (B, 3 T, H, W) float32, the images once for each tower.
        """
        height, width = self.padded_size
        towers = len(mean) // 3
        batch = mean.new_zeros(len(self.images), 3 * towers, height, width)
        for padded, image in zip(batch, self.images, strict=True):
            pixels = image.repeat(towers, 1, 1)
            padded[:, : image.shape[1], : image.shape[2]] = (pixels - mean) / std
        return batch

    def padded_labels(self, labels: list[Tensor], ignore: int) -> Tensor:
        """
        (H, W) label maps of the images -> (B, H, W) int64 at the padded size, `ignore` where there
        is no image.
        """
        batch = torch.full(
            (len(labels), *self.padded_size), ignore, dtype=torch.int64, device=labels[0].device
        )
        for padded, label in zip(batch, labels, strict=True):
            padded[: label.shape[0], : label.shape[1]] = label
        return batch
