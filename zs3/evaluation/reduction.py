"""Counts of one process to those of all."""

from __future__ import annotations

import numpy as np
import torch
from torch import distributed

from ..runtime.utils import comm


def sum_over_processes(counts: np.ndarray) -> np.ndarray:
    """Integers of any shape, added up over the processes of a distributed run."""
    if comm.get_world_size() == 1:
        return counts
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(counts, device=device)
    distributed.all_reduce(total)
    return total.cpu().numpy()
