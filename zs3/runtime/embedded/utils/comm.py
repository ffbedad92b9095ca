"""One process among several: who it is, waiting for the others, exchanging values."""

from __future__ import annotations

import functools
from typing import Any  # whatever can be pickled may be exchanged

import torch
import torch.distributed as dist
from torch import Tensor

_processes_per_machine = 1


def get_world_size() -> int:
    """Number of processes on all machines."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def get_rank() -> int:
    """Number of this process among all, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def create_local_process_group(num_workers_per_machine: int) -> None:
    """Tells every process how many run on its machine; `launch` calls it."""
    global _processes_per_machine
    _processes_per_machine = num_workers_per_machine


def get_local_rank() -> int:
    """Number of this process on its machine, from 0."""
    return get_rank() % _processes_per_machine


def is_main_process() -> bool:
    return get_rank() == 0


def synchronize() -> None:
    """Waits until every process has come here."""
    if get_world_size() > 1:
        on_gpu = dist.get_backend() == "nccl"
        dist.barrier(device_ids=[torch.cuda.current_device()] if on_gpu else None)


def all_gather(data: Any) -> list[Any]:
    """Every process's data, in rank order, on every process."""
    if get_world_size() == 1:
        return [data]
    everyones = [None] * get_world_size()
    dist.all_gather_object(everyones, data, group=_get_global_gloo_group())
    return everyones


def gather(data: Any, dst: int = 0) -> list[Any]:
    """Every process's data, in rank order, on process `dst`; an empty list on the others."""
    if get_world_size() == 1:
        return [data]
    everyones = [None] * get_world_size() if get_rank() == dst else None
    dist.gather_object(data, everyones, dst=dst, group=_get_global_gloo_group())
    return everyones or []


def reduce_dict(input_dict: dict[str, Tensor], average: bool = True) -> dict[str, Tensor]:
    """Mean (or sum) over the processes of scalar tensors by name; for the main process only."""
    if get_world_size() == 1:
        return input_dict
    with torch.no_grad():
        names = sorted(input_dict)
        values = torch.stack([input_dict[name] for name in names])
        dist.reduce(values, dst=0)
        if average and is_main_process():
            values /= get_world_size()
    return dict(zip(names, values, strict=True))


@functools.cache
def _get_global_gloo_group() -> dist.ProcessGroup | None:
    """All processes, through main memory: pickled objects have no business on a GPU."""
    if dist.get_backend() != "nccl":
        return None  # the default group is one
    group = dist.new_group(backend="gloo")
    assert isinstance(group, dist.ProcessGroup)
    return group
