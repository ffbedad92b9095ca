"""
Measurements, each in a process of its own, in turns where several are compared.

A step's time depends on what else the machine does. Processes that are compared are therefore alive
together and work in turns, a round each, and what is compared are the two halves of a round.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any  # JSON

from tqdm import tqdm

from .laps import Lap, middle, total
from .workload import Workload

ROOT = Path(__file__).parents[2]  # where this zs3 lies
_BOOT = Path(__file__).with_name("boot.py")


@dataclass(frozen=True)
class Subject:
    """
    Attributes:
        workload: what it does.
        tree: the directory whose `zs3` does it.
        name: of the measurement.
    """

    workload: Workload
    name: str
    tree: Path = ROOT


@dataclass(frozen=True)
class Measurement:
    """
    Attributes:
        subject: what was measured.
        about: as `Bench.about` tells.
        rounds: the laps of every round; a lap is the seconds of one step by stage.
    """

    subject: Subject
    about: Mapping[str, Any]
    rounds: Sequence[Sequence[Lap]]

    @property
    def laps(self) -> list[Lap]:
        return [lap for laps in self.rounds for lap in laps]

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return total(self.stages)

    @property
    def p90(self) -> float:
        """Seconds that nine steps out of ten do not exceed."""
        times = [total(lap) for lap in self.laps]
        return quantiles(times, n=10, method="inclusive")[-1] if len(times) > 1 else times[0]

    @property
    def spread(self) -> tuple[float, float]:
        """Seconds of a step in the fastest and in the slowest round: their medians."""
        medians = [total(middle(laps)) for laps in self.rounds]
        return min(medians), max(medians)

    @property
    def images_per_second(self) -> float:
        return self.subject.workload.batch / self.median

    @property
    def stages(self) -> Lap:
        """Seconds by stage of the step in the middle; they add up to `median`."""
        return middle(self.laps)


def ratios(this: Measurement, other: Measurement, stage: str | None = None) -> list[float]:
    """Time of `this` over time of `other`, round by round; of a whole step, or of one stage."""

    def time(laps: Sequence[Lap]) -> float:
        lap = middle(laps)
        return total(lap) if stage is None else lap.get(stage, 0.0)

    pairs = zip(this.rounds, other.rounds, strict=True)
    return [time(own) / time(others) for own, others in pairs if time(others)]


def measure(subjects: Sequence[Subject], rounds: int, seconds: float) -> list[Measurement]:
    """
    Args:
        subjects: measured in turns.
        rounds: of each, at least 1.
        seconds: that a round lasts, if one step does not last longer.

    Raises:
        ValueError: a workload that is refused, in the words of the process that refused it; or one
            below 1 round.
        RuntimeError: a process that failed otherwise; it has said how on stderr.
    """
    if rounds < 1:
        raise ValueError(f"repeats is {rounds}; expected 1 or more.")
    with ExitStack() as stack:
        # All are started before one is waited for.
        workers = [stack.enter_context(_Worker(subject)) for subject in subjects]
        abouts = [worker.answer() for worker in workers]
        done: list[list[list[Lap]]] = [[] for _ in workers]
        name = " / ".join(subject.name for subject in subjects)
        for _ in tqdm(range(rounds), name, leave=False, disable=None):
            for worker, laps in zip(workers, done, strict=True):
                laps.append(worker.ask(seconds))
    return [Measurement(*found) for found in zip(subjects, abouts, done, strict=True)]


class _Worker:
    """The process behind a subject."""

    def __init__(self, subject: Subject) -> None:
        self.name = subject.name
        request = json.dumps(asdict(subject.workload))
        command = [sys.executable, str(_BOOT), str(subject.tree), request]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        with self.process:  # closes its pipes, and waits
            self.process.kill()

    def answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the process that measures ended early.")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise ValueError(f"{self.name}: {answer['error']}")
        return answer

    def ask(self, seconds: float) -> list[Lap]:
        assert self.process.stdin
        print(seconds, file=self.process.stdin, flush=True)
        return self.answer()
