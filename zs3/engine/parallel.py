"""One model in several processes."""

from __future__ import annotations

from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..runtime.utils import comm


def agree_on_buffers(model: nn.Module) -> None:
    """
    Gives every process the main one's buffers. Running statistics differ after a step, but what is
    evaluated must be the model that is saved.
    """
    if comm.get_world_size() > 1:
        for buffer in model.buffers():
            distributed.broadcast(buffer, 0)


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
