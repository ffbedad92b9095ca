"""The sine code of positions on a grid (DETR, arXiv 2005.12872, appendix A.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def sine_position(
    size: Sequence[int],
    dim: int,
    *,
    normalize: bool = True,
    temperature: float = 10000.0,
    device: torch.device | None = None,
) -> Tensor:
    """
    Args:
        size: height and width of the grid.
        dim: channels, half of them for y and half for x; a multiple of 4.
        normalize: count rows and columns from 0 to 2 pi; else from 1 to the height or width.

    Returns:
        Tensor: (dim, height, width) in [-1, 1]; y before x, sine and cosine alternating.

    Raises:
        ValueError: `dim` is not a multiple of 4.
    """
    if dim % 4:
        raise ValueError(
            f"a sine code needs a multiple of 4 channels (sine and cosine of y and x), got {dim}."
        )
    exponents = torch.arange(dim // 4, device=device) * 4 / dim
    rows, columns = (_waves(length, temperature**exponents, normalize) for length in size)
    height, width = size
    return torch.cat(
        (rows[:, :, None].expand(-1, -1, width), columns[:, None, :].expand(-1, height, -1))
    )


def _waves(length: int, periods: Tensor, normalize: bool) -> Tensor:
    """(2 * len(periods), length): sine and cosine of the place 1 .. length at every period."""
    place = torch.arange(1, length + 1, dtype=torch.float32, device=periods.device)
    if normalize:
        place = place / (length + 1e-6) * 2 * math.pi
    phase = place / periods[:, None]
    return torch.stack((phase.sin(), phase.cos()), dim=1).flatten(0, 1)
