"""Scalars of a run by name and iteration, and writers that put them somewhere."""

from __future__ import annotations

import datetime
import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any  # Any: SummaryWriter's own arguments

import torch
from fvcore.common.history_buffer import HistoryBuffer

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_open_storages: list[EventStorage] = []


def get_event_storage() -> EventStorage:
    """The storage of the innermost `with EventStorage(...)`; AssertionError outside of one."""
    assert _open_storages, (
        "get_event_storage() has to be called inside a 'with EventStorage(...)' context."
    )
    return _open_storages[-1]


class EventStorage:
    """
    Attributes:
        iter: the iteration that scalars are put at.
    """

    def __init__(self, start_iter: int = 0) -> None:
        self.iter = start_iter
        self._history: defaultdict[str, HistoryBuffer] = defaultdict(HistoryBuffer)
        self._smoothed: dict[str, bool] = {}
        self._latest: dict[str, tuple[float, int]] = {}
        self._prefix = ""

    def __enter__(self) -> EventStorage:
        _open_storages.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _open_storages.pop()

    def step(self) -> None:
        self.iter += 1

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Puts "name/" in front of the names put inside."""
        outer, self._prefix = self._prefix, name.rstrip("/") + "/"
        try:
            yield
        finally:
            self._prefix = outer

    def put_scalar(
        self, name: str, value: float, smoothing_hint: bool = True, cur_iter: int | None = None
    ) -> None:
        """
        Args:
            smoothing_hint: noisy: writers should give a median. The same whenever `name` is put.
            cur_iter: the iteration it belongs to, if not the current one.
        """
        name, value, cur_iter = (
            self._prefix + name,
            float(value),
            self.iter if cur_iter is None else cur_iter,
        )
        assert self._smoothed.setdefault(name, smoothing_hint) == smoothing_hint, (
            f"scalar {name!r} was put with a different smoothing_hint before."
        )
        self._history[name].update(value, cur_iter)
        self._latest[name] = value, cur_iter

    def put_scalars(
        self, *, smoothing_hint: bool = True, cur_iter: int | None = None, **values: float
    ) -> None:
        for name, value in values.items():
            self.put_scalar(name, value, smoothing_hint, cur_iter)

    def history(self, name: str) -> HistoryBuffer:
        """Every value of a scalar. Raises KeyError if there is none."""
        if name not in self._history:
            raise KeyError(f"no scalar {name!r} has been put.")
        return self._history[name]

    def histories(self) -> dict[str, HistoryBuffer]:
        return self._history

    def latest(self) -> dict[str, tuple[float, int]]:
        """Name -> (value, iteration) last put."""
        return self._latest

    def latest_with_smoothing_hint(self, window_size: int = 20) -> dict[str, tuple[float, int]]:
        """`latest`, with medians over `window_size` iterations of what is to be smoothed."""
        return {
            name: (self._median(name, window_size) if self._smoothed[name] else value, iteration)
            for name, (value, iteration) in self._latest.items()
        }

    def count_samples(self, name: str, window_size: int = 20) -> int:
        """How many values a scalar has in the `window_size` iterations up to its latest."""
        values = self._history[name].values()
        first = values[-1][1] - window_size + 1
        return sum(1 for _ in takewhile(lambda entry: entry[1] >= first, reversed(values)))

    def _median(self, name: str, window_size: int) -> float:
        return float(self._history[name].median(self.count_samples(name, window_size)))


class EventWriter:
    """Puts what the open storage holds somewhere, whenever `write` is called."""

    def write(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is written after it."""


class JSONWriter(EventWriter):
    """Appends a line with a JSON object for every iteration that brought new scalars."""

    def __init__(self, json_file: str, window_size: int = 20) -> None:
        self._file = Path(json_file).open("a", encoding="utf-8")  # noqa: SIM115, open until close()
        self._window_size = window_size
        self._last = -1

    def write(self) -> None:
        lines: defaultdict[int, dict[str, float]] = defaultdict(dict)
        latest = get_event_storage().latest_with_smoothing_hint(self._window_size)
        for name, (value, iteration) in latest.items():
            if iteration > self._last:
                lines[iteration][name] = value
        self._last = max(lines, default=self._last)
        for iteration in sorted(lines):
            line = json.dumps({**lines[iteration], "iteration": iteration}, sort_keys=True)
            self._file.write(line + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class TensorboardXWriter(EventWriter):
    """TensorBoard's event files; `kwargs` go to its SummaryWriter."""

    def __init__(self, log_dir: str, window_size: int = 20, **kwargs: Any) -> None:
        self._arguments = {"log_dir": log_dir, **kwargs}
        self._window_size = window_size
        self._last = -1

    @cached_property
    def _writer(self) -> SummaryWriter:
        from torch.utils.tensorboard import (
            SummaryWriter,
        )  # slow to import, and not needed by everybody

        return SummaryWriter(**self._arguments)

    def write(self) -> None:
        latest = get_event_storage().latest_with_smoothing_hint(self._window_size)
        for name, (value, iteration) in latest.items():
            if iteration > self._last:
                self._writer.add_scalar(name, value, iteration)
        self._last = max([self._last, *(iteration for _, iteration in latest.values())])

    def close(self) -> None:
        if "_writer" in self.__dict__:
            self._writer.close()


class CommonMetricPrinter(EventWriter):
    """Logs one line: time left, iteration, losses, "time", "data_time", "lr", GPU memory."""

    def __init__(self, max_iter: int | None = None, window_size: int = 20) -> None:
        self._logger = logging.getLogger(__name__)
        self._max_iter = max_iter
        self._window_size = window_size

    def write(self) -> None:
        storage = get_event_storage()
        if storage.iter == self._max_iter:  # training is over; after_train hooks write once more
            return
        known = storage.histories()
        words = [f"iter: {storage.iter}"]
        for name, history in known.items():
            if "loss" in name:
                median = history.median(storage.count_samples(name, self._window_size))
                words.append(f"{name}: {median:.4g}")
        for name in ("time", "data_time"):
            if name in known:
                mean = known[name].avg(storage.count_samples(name, self._window_size))
                words.append(f"{name}: {mean:.4f}")
        if "lr" in known:
            words.append(f"lr: {known['lr'].latest():.5g}")
        if torch.cuda.is_available():
            words.append(f"max_mem: {torch.cuda.max_memory_allocated() / 2**20:.0f}M")
        if self._max_iter is not None and "time" in known:
            seconds = known["time"].median(1000) * (self._max_iter - storage.iter - 1)
            words.insert(0, f"eta: {datetime.timedelta(seconds=int(seconds))}")
        self._logger.info("  ".join(words))
