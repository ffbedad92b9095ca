"""
The training loop, the same for every method and on every runtime.

Detectron2's shape (a loop with hooks around `run_step`) around a step that is an object, and an
order of samples that is a function of their number: so a run is resumed from one integer.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # a signal handler's frame

import torch
import torch.distributed as dist
from torch import Tensor

from ..runtime.engine import TrainerBase
from ..runtime.utils import comm
from .checkpointer import Checkpointer
from .randomness import set_random_state
from .steps import Batch, TrainingStep

logger = logging.getLogger(__name__)


class Trainer(TrainerBase):
    """
    Args:
        step: what to do with the batches of an iteration.
        loader: from the number of samples consumed so far, by all processes together, to this
            process's share of the endless batches that follow.
        checkpointer: saves and restores; it holds the parts of the step.
        max_iter: iterations of the complete run.
        batch_size: samples of a batch, all processes together.
        batches_per_step: batches whose gradients are added up.
    """

    def __init__(
        self,
        *,
        step: TrainingStep,
        loader: Callable[[int], Iterable[Batch]],
        checkpointer: Checkpointer,
        max_iter: int,
        batch_size: int,
        batches_per_step: int = 1,
    ) -> None:
        super().__init__()
        self.step = step
        self.loader = loader
        self.checkpointer = checkpointer
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.batches_per_step = batches_per_step
        self.samples = 0
        self._random: dict[str, Any] | None = None
        self._resumed = False
        self._unread: deque[_Record] = deque()
        self._interrupts = 0
        self._stop = False
        self._batches: Iterator[Batch]

    def resume(self) -> bool:
        """
        Continues the run in the checkpointer's directory. Call it before `train`.

        Returns:
            bool: whether there was one.
        """
        progress = self.checkpointer.resume()
        if progress is None:
            return False
        self.start_iter = self.iter = progress["iteration"] + 1
        self.samples = progress["samples"]
        self._resumed = True
        everyones = progress["random"]
        if len(everyones) == comm.get_world_size():
            self._random = everyones[comm.get_rank()]
        else:
            logger.warning(
                "the run was started with %d processes and is resumed with %d: "
                "random numbers, dropout among them, will be others.",
                len(everyones),
                comm.get_world_size(),
            )
        return True

    def train(self, start_iter: int | None = None, max_iter: int | None = None) -> None:
        """
        Runs to the end, from where `resume` left it.

        Raises:
            FloatingPointError: a loss is not finite.
            KeyboardInterrupt: after Ctrl-C, once the iteration is finished and saved.
        """
        if not self._resumed and comm.is_main_process():
            self.checkpointer.set_earlier_run_aside()
        comm.synchronize()
        handler = self._catch_interrupts()
        try:
            super().train(
                self.start_iter if start_iter is None else start_iter,
                self.max_iter if max_iter is None else max_iter,
            )
        finally:
            if handler is not None:
                signal.signal(signal.SIGINT, handler)

    def before_train(self) -> None:
        super().before_train()
        self._batches = iter(self.loader(self.samples))
        if self._random is not None:
            set_random_state(self._random)

    def after_train(self) -> None:
        self._batches = iter(())  # ends the loader's workers
        super().after_train()

    def run_step(self) -> None:
        started = time.perf_counter()
        batches = [next(self._batches) for _ in range(self.batches_per_step)]
        loaded = time.perf_counter()
        rate = self.step.lr
        values = self.step(batches)
        self.samples += self.batch_size * self.batches_per_step
        self._unread.append(_Record(self.iter, values, batches))
        # Reading a value waits for the GPU, so there it is done one iteration late.
        self._read_all_but(1 if self.step.device.type == "cuda" else 0)
        self.storage.put_scalar("lr", rate, smoothing_hint=False)
        self.storage.put_scalars(time=time.perf_counter() - started, data_time=loaded - started)

    def after_step(self) -> None:
        super().after_step()
        if self._stop:
            path = self.save()
            logger.warning(
                "interrupted: iteration %d is in %s; continue with --resume.", self.iter, path
            )
            raise KeyboardInterrupt

    def settle(self) -> None:
        """
        Reads and records what steps have returned up to now.

        Raises:
            FloatingPointError: something in it is not finite.
        """
        self._read_all_but(0)

    def save(self) -> Path:
        """Writes a checkpoint of the current iteration, if its loss is finite; on all processes."""
        self.settle()
        return self.checkpointer.save(self.iter, samples=self.samples)

    def _read_all_but(self, count: int) -> None:
        while len(self._unread) > count:
            self._read(self._unread.popleft())

    def _read(self, record: _Record) -> None:
        device = next(iter(record.values.values())).device
        interrupted = torch.tensor(float(self._interrupts > 0), device=device)
        numbers = torch.stack([*(v.float() for v in record.values.values()), interrupted])
        if comm.get_world_size() > 1:
            # Together, so that all processes stop at the same iteration if one has to.
            dist.all_reduce(numbers)
            numbers /= comm.get_world_size()
        *values, interrupts = numbers.tolist()
        if not all(map(math.isfinite, values)):
            raise FloatingPointError(self._complaint(record))
        self.storage.put_scalars(
            cur_iter=record.iteration, **dict(zip(record.values, values, strict=True))
        )
        self._stop |= interrupts > 0

    def _complaint(self, record: _Record) -> str:
        everyones = comm.all_gather((record.numbers(), record.file_names()))
        # Gradients are shared, so a bad one is everyone's: look whose losses are bad first.
        guilty = [one for one in everyones if not _finite(one[0], besides="grad_norm")] or everyones
        told = (
            f"{', '.join(f'{name} {value:.4g}' for name, value in numbers.items())} "
            f"on the images {', '.join(files)}"
            for numbers, files in guilty
        )
        return (
            f"iteration {record.iteration}: not finite: {'; '.join(told)}. "
            f"Checkpoints in {self.checkpointer.directory}, if any yet, are from before; "
            "--resume with a lower SOLVER.BASE_LR or with SOLVER.CLIP_GRADIENTS."
        )

    def _catch_interrupts(self) -> Any:
        """
        The first Ctrl-C lets the iteration finish, the second does not.

        Returns the handler there was; None off the main thread, where there can be none.
        """
        if threading.current_thread() is not threading.main_thread():
            return None

        process = os.getpid()

        def handle(number: int, frame: Any) -> None:
            if os.getpid() != process:
                return  # Loaders' workers have inherited this; they end with their parent.
            self._interrupts += 1
            if self._interrupts > 1:
                raise KeyboardInterrupt
            logger.warning("finishing the iteration, then saving; Ctrl-C again stops at once.")

        return signal.signal(signal.SIGINT, handle)


@dataclass(frozen=True)
class _Record:
    """What a step returned, and from what."""

    iteration: int
    values: dict[str, Tensor]
    batches: list[Batch]

    def numbers(self) -> dict[str, float]:
        return {name: value.item() for name, value in self.values.items()}

    def file_names(self) -> list[str]:
        samples = (sample for batch in self.batches for sample in batch)
        return [str(sample.get("file_name", "?")) for sample in samples]


def _finite(numbers: dict[str, float], besides: str) -> bool:
    return all(math.isfinite(value) for name, value in numbers.items() if name != besides)
