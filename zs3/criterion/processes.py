"""What losses are divided by, when several processes train together."""

from __future__ import annotations

from torch import Tensor, distributed

from ..runtime.utils import comm


def mean_over_processes(count: Tensor) -> Tensor:
    """A count (), so that a segment weighs the same on whichever process it is; at least 1."""
    mean = count.float()
    if comm.get_world_size() > 1:
        mean = mean.clone()
        distributed.all_reduce(mean)
        mean /= comm.get_world_size()
    return mean.clamp(min=1)
