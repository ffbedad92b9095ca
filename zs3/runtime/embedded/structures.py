"""Images of different sizes in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class ImageList:
    """
    Attributes:
        tensor: (B, ..., H, W), every image in the top left corner of its place.
        image_sizes: (height, width) of every image before padding.
    """

    def __init__(self, tensor: Tensor, image_sizes: list[tuple[int, int]]) -> None:
        self.tensor = tensor
        self.image_sizes = image_sizes

    @staticmethod
    def from_tensors(
        tensors: Sequence[Tensor], size_divisibility: int = 0, pad_value: float = 0.0
    ) -> ImageList:
        """
        Pads images (..., H_i, W_i) at the right and bottom to the largest height and width.

        Args:
            size_divisibility: round both up to a multiple of it; 0 or 1 for none.
        """
        assert len(tensors) > 0, "an ImageList needs at least one image."
        sizes = [(image.shape[-2], image.shape[-1]) for image in tensors]
        step = max(size_divisibility, 1)
        height, width = (-(-max(sides) // step) * step for sides in zip(*sizes, strict=True))
        batch = tensors[0].new_full(
            (len(tensors), *tensors[0].shape[:-2], height, width), pad_value
        )
        for place, image in zip(batch, tensors, strict=True):
            place[..., : image.shape[-2], : image.shape[-1]] = image
        return ImageList(batch, sizes)

    def __len__(self) -> int:
        return len(self.image_sizes)

    def __getitem__(self, index: int) -> Tensor:
        """Image number `index` in its own size."""
        height, width = self.image_sizes[index]
        return self.tensor[index, ..., :height, :width]

    def to(self, device: torch.device | str) -> ImageList:
        return ImageList(self.tensor.to(device), self.image_sizes)

    @property
    def device(self) -> torch.device:
        return self.tensor.device
