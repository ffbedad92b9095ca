"""
Kills runs and resumes them: `python kill_runs.py DIRECTORY KILLS SEED`, run by test_kill.py.

Every run is a fork of this process, so that torch is imported once. A run is killed at a random
moment, or instead of one of the calls that make its files permanent, or in the middle of a save;
sometimes it is killed again after it was resumed.
"""

from __future__ import annotations

import functools
import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import miniature
import torch

# What a run would import later, so that forks need not.
import torch._dynamo
import torch.utils.tensorboard

Work = Callable[[], None]
# An uninterrupted run makes about as many calls that `killing_call` counts.
CALLS = 40


def train(directory: Path) -> None:
    """A run of checkpoints that take a moment to write."""
    options = ("SOLVER.MAX_ITER", 8, "SOLVER.EMA_DECAY", 0.9)
    trainer = miniature.trainer(
        miniature.config(directory, *options),
        model=miniature.Miniature(width=5_000),
        evaluate=lambda: {"hIoU": torch.rand(()).item()},
    )
    trainer.resume()
    trainer.train()


def forked(work: Work, seconds: float | None = None) -> bool:
    """Runs work in a fork; kills it after some seconds. Whether it came to its end."""
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        work()
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        sys.exit(f"a run failed with exit code {os.WEXITSTATUS(status)}")
    return os.WIFEXITED(status)


def killing_call(number: int, work: Work) -> Work:
    """Work that kills itself instead of its `number`-th fsync or replace, or inside a save."""
    calls = itertools.count()

    def counted(
        function: Callable[..., Any], before_death: Callable[..., Any]
    ) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if next(calls) == number:
                before_death(*args)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args)

        return call

    def half(content: Any, file: Any) -> None:
        file.write(os.urandom(1000))
        file.flush()

    def killed() -> None:
        os.fsync = counted(os.fsync, lambda *_: None)
        os.replace = counted(os.replace, lambda *_: None)
        torch.save = counted(torch.save, half)
        work()

    return killed


def results(directory: Path) -> Iterator[tuple[str, object]]:
    """Everything a run leaves that must not depend on kills."""
    yield "final weights", (directory / "model_final.safetensors").read_bytes()
    yield "best weights", (directory / "model_best.safetensors").read_bytes()
    yield "last checkpoint", (directory / "model_0000007.pth").read_bytes()
    lines = (directory / "metrics.json").read_text().splitlines()
    yield (
        "iterations of metrics.json",
        [line.split('"iteration": ')[1].split(",")[0] for line in lines],
    )
    yield "leftovers", sorted(path.name for path in directory.glob(".*"))


def main(root: Path, kills: int, seed: int) -> None:
    started = time.perf_counter()
    forked(lambda: train(root / "reference"))
    duration = time.perf_counter() - started
    expected = dict(results(root / "reference"))
    rng = random.Random(seed)
    for number in range(kills):
        directory = root / str(number)
        run = functools.partial(train, directory)
        while True:
            if number % 2:
                killed_run, seconds = killing_call(rng.randrange(CALLS), run), None
            else:
                killed_run, seconds = run, rng.uniform(0, duration)
            if forked(killed_run, seconds) or rng.random() < 0.5:
                break
        assert forked(run)
        for what, value in results(directory):
            if value != expected[what]:
                sys.exit(f"{directory}: {what} differ from an uninterrupted run's")
        shutil.rmtree(directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
