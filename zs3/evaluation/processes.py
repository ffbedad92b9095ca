"""Counts of an evaluation that several processes share."""

from __future__ import annotations

import numpy as np
import torch
from torch import distributed

from ..runtime.utils import comm


def sum_over_processes(counts: np.ndarray) -> None:
    """Integers of any shape become the sum of all processes', in place."""
    if comm.get_world_size() > 1:
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        total = torch.tensor(counts, device=device)
        distributed.all_reduce(total)
        counts[...] = total.cpu().numpy()
