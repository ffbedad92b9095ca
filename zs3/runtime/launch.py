"""
One process, several on this machine, or this machine's share of many: the same call.

GPUs talk through NCCL, CPUs through gloo. Under torchrun the processes exist already and are only
introduced to each other.
"""

from __future__ import annotations

import gc
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.queues import SimpleQueue
from typing import Any  # main's arguments are the caller's

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from .utils import comm

# Seconds that processes get to leave by themselves when a run is interrupted.
PATIENCE = 5.0


def launch(
    main_func: Callable[..., None],
    num_gpus_per_machine: int = 1,
    num_machines: int = 1,
    machine_rank: int = 0,
    dist_url: str | None = "auto",
    args: tuple[Any, ...] = (),
    timeout: timedelta = timedelta(minutes=30),
    on_gpu: bool | None = None,
) -> None:
    """
    Calls `main_func(*args)` in every process of a run; returns when all on this machine have ended.

    Args:
        main_func: a function at the top level of a module, because processes are spawned.
        num_gpus_per_machine: processes on this machine, one a GPU; any number without GPUs.
        num_machines, machine_rank: how many machines call this, and which of them this is.
        dist_url: "tcp://HOST:PORT" of machine 0; "auto" finds a free port on a single machine.
        timeout: how long a process waits for the others.
        on_gpu: whether the processes work on GPUs, one each; by default where there are any.

    Under torchrun (RANK, LOCAL_RANK, WORLD_SIZE in the environment) its numbers count, not these.

    Raises:
        ValueError: more processes than GPUs, or several machines without a common address.
        ValueError: a spawned process refused what it was given; the others have been stopped.
        RuntimeError: a spawned process failed otherwise, with its traceback; the same.
        ProcessExitedException: a spawned process was killed, or exited by itself; the same.
    """
    on_gpu = torch.cuda.is_available() if on_gpu is None else on_gpu
    if {"RANK", "LOCAL_RANK", "WORLD_SIZE"} <= os.environ.keys():
        world_size, local_rank = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
        here = int(os.environ.get("LOCAL_WORLD_SIZE", world_size))
        first_rank = int(os.environ["RANK"]) - local_rank
        _refuse_too_many(here, on_gpu)
        with _Team(world_size, here, first_rank, "env://", timeout, on_gpu).joined(local_rank):
            main_func(*args)
        return
    world_size = num_machines * num_gpus_per_machine
    if world_size <= 1:
        main_func(*args)
        return
    _refuse_too_many(num_gpus_per_machine, on_gpu)
    if dist_url is None or dist_url == "auto":
        if num_machines > 1:
            raise ValueError(
                f"{num_machines} machines need a common dist_url: tcp://HOST:PORT of machine 0."
            )
        dist_url = f"tcp://127.0.0.1:{_free_port()}"
    first_rank = machine_rank * num_gpus_per_machine
    team = _Team(world_size, num_gpus_per_machine, first_rank, dist_url, timeout, on_gpu)
    _spawn(team, main_func, args)


def _refuse_too_many(processes: int, on_gpu: bool) -> None:
    gpus = torch.cuda.device_count()
    if on_gpu and processes > gpus:
        raise ValueError(f"{processes} GPUs were asked for, but there are {gpus}.")


@dataclass(frozen=True)
class _Team:
    """The processes of a run, as those of one machine know them."""

    world_size: int
    processes_here: int
    first_rank: int
    init_method: str
    timeout: timedelta
    on_gpu: bool

    @contextmanager
    def joined(self, local_rank: int) -> Iterator[None]:
        """Inside, this process can talk to the others."""
        if self.on_gpu:
            torch.cuda.set_device(local_rank)
        dist.init_process_group(
            "nccl" if self.on_gpu else "gloo",
            init_method=self.init_method,
            world_size=self.world_size,
            rank=self.first_rank + local_rank,
            timeout=self.timeout,
        )
        try:
            comm.create_local_process_group(self.processes_here)
            comm.synchronize()
            yield
        except BaseException:
            # Others may wait in a collective that this process will never enter; an orderly end
            # could wait for them in turn.
            if dist.group.WORLD is not None:
                dist.group.WORLD.abort()
            raise
        finally:
            comm.forget_groups()
            gc.collect()  # data-parallel modules refer to the group, too
            dist.destroy_process_group()


def _spawn(team: _Team, main_func: Callable[..., None], args: tuple[Any, ...]) -> None:
    failures = mp.get_context("spawn").SimpleQueue()
    processes = mp.start_processes(
        _work, (team, failures, main_func, args), nprocs=team.processes_here, join=False
    )
    try:
        while not processes.join():
            pass
    except mp.ProcessRaisedException:
        # torch reports any of those that raised, but only the first had a reason of its own.
        if failures.empty():
            raise
        reason, trace = failures.get()
        if reason:
            raise ValueError(reason) from None
        raise RuntimeError(f"a process failed:\n{trace}") from None
    except KeyboardInterrupt:
        # Ctrl-C reaches spawned processes, too.
        _end(processes)
        raise


def _work(
    local_rank: int,
    team: _Team,
    failures: SimpleQueue[tuple[str, str]],
    main_func: Callable[..., None],
    args: tuple[Any, ...],
) -> None:
    with team.joined(local_rank):
        try:
            main_func(*args)
        except Exception as error:
            # What users can mend comes as it would from a single process.
            mendable = isinstance(error, (ValueError, OSError, FloatingPointError))
            failures.put((str(error) if mendable else "", traceback.format_exc()))
            raise


def _end(processes: mp.ProcessContext) -> None:
    """Waits a little for processes to leave, then kills those that have not."""
    deadline = time.monotonic() + PATIENCE
    try:
        for process in processes.processes:
            process.join(max(0.0, deadline - time.monotonic()))
    finally:
        for process in processes.processes:
            process.kill()
            process.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
