"""Tensors of many images and classes that are made, and read, a few at a time."""

from __future__ import annotations

import torch
from torch import Tensor

Part = tuple[slice, slice]  # of the images, of the classes


class Slices:
    """
    A tensor (B, K, ...), set and read by parts.

    Where no gradients are asked for it is one block of memory, whose parts are overwritten: once
    freed, it goes back to the system, while many small pieces leave holes that stay with the
    process. Else the pieces stay as they are until they are joined.

    Args:
        images, classes: B and K.
    """

    def __init__(self, images: int, classes: int) -> None:
        self.size = (images, classes)
        self._block: Tensor | None = None
        self._pieces: dict[int, dict[int, Tensor]] = {}

    def __setitem__(self, part: Part, value: Tensor) -> None:
        if torch.is_grad_enabled():
            row, column = part
            self._pieces.setdefault(row.start, {})[column.start] = value
            return
        if self._block is None:
            self._block = value.new_empty(*self.size, *value.shape[2:])
        self._block[part] = value

    def __getitem__(self, part: Part) -> Tensor:
        """A part as it was set."""
        if self._block is None:
            row, column = part
            return self._pieces[row.start][column.start]
        return self._block[part]

    def joined(self) -> Tensor:
        """(B, K, ...), once every part is set, in order."""
        if self._block is None:
            rows = [torch.cat(list(row.values()), dim=1) for row in self._pieces.values()]
            return torch.cat(rows)
        return self._block


def slices(count: int, size: int) -> list[slice]:
    """0..count, `size` at a time."""
    return [slice(start, start + size) for start in range(0, count, size)]
