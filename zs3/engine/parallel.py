"""One model in several processes."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..runtime.utils import comm


def share(model: nn.Module, *, find_unused_parameters: bool = False) -> nn.Module:
    """
    The model, wrapped to average its gradients over the processes if there are several.

    Args:
        find_unused_parameters: for models of which an iteration may leave parameters out.
    """
    if comm.get_world_size() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(
        model,
        device_ids=[device.index] if device.type == "cuda" else None,
        find_unused_parameters=find_unused_parameters,
    )
