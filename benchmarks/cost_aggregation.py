#!/usr/bin/env python
"""
Measures CAT-Seg with many names: classes in slices, all of them at once, and the same maths plainly
written, which has to give the same logits.

    python benchmarks/cost_aggregation.py --threads 2 --markdown docs/benchmarks.md
    python benchmarks/cost_aggregation.py --config-file FILE --classes 847 --size 640

Weights are random. Every measurement has a process of its own; docs/benchmarks.md says the rest.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from plain_cat_seg import PlainAggregation
from torch import Tensor
from tqdm import tqdm

from zs3.commands.errors import say_errors
from zs3.config import get_config
from zs3.environment import in_words
from zs3.profiling.bench import Bench
from zs3.profiling.memory import peak_growth
from zs3.profiling.tables import Rows, around, markdown, print_table, write_between
from zs3.profiling.workload import Workload
from zs3.runtime.config import CfgNode

BEGIN = "<!-- aggregation table: written by benchmarks/cost_aggregation.py -->"
END = "<!-- end of aggregation table -->"
FORMS = ("slices", "at once", "plain")
EVERY = str(10**6)  # classes a slice
AT_ONCE = ("MODEL.AGGREGATION.CLASS_CHUNK", EVERY, "TEST.CLASS_CHUNK", EVERY)
CONFIGS = Path(__file__).parents[1] / "configs" / "cat_seg"
CHECKED, TOLERANCE = 40, 1e-3  # names; of the largest logit


@dataclass(frozen=True)
class Model:
    """A configuration, options on top of it, and how many names it is asked about at least."""

    name: str
    config_file: str
    options: tuple[str, ...] = ()
    fewest: int = 1

    @property
    def cfg(self) -> CfgNode:
        return get_config(self.config_file, self.options)


UNFILTERED = ("MODEL.AGGREGATION.KEEP", "0", "MODEL.AGGREGATION.PAD_TO", "0")
UNPOOLED = ("MODEL.AGGREGATION.POOLING", "[1, 1]")
PUBLISHED = (
    Model("v2, all names", str(CONFIGS / "v2_vitb_test.yaml"), UNFILTERED),
    Model("v2, 256 names kept", str(CONFIGS / "v2_vitb_test.yaml"), fewest=257),
    Model("v1", str(CONFIGS / "v1_vitb_r101_test.yaml")),
    Model("port", str(CONFIGS / "port_vitb_r101.yaml"), UNPOOLED),
)


@dataclass(frozen=True)
class Job:
    """
    One measurement.

    Attributes:
        form: one of FORMS.
        classes: names.
        size: side of the image (pixels). If it is larger than a window, windows are looked at.
    """

    model: Model
    form: str
    classes: int
    size: int

    @property
    def in_windows(self) -> bool:
        return self.size > self.model.cfg.TEST.SLIDING_WINDOW.CROP

    def bench(self, threads: int) -> Bench:
        how = ("TEST.SLIDING_WINDOW.ENABLED", str(self.in_windows))
        how += () if self.form == "slices" else AT_ONCE
        bench = Bench(
            Workload(
                config_file=self.model.config_file,
                options=self.model.options + how,
                size=(self.size, self.size),
                classes=self.classes,
                threads=threads,
                random_weights=True,
            )
        )
        if self.form == "plain":
            bench.model.aggregation = PlainAggregation(bench.model.aggregation)
        return bench


class Cost(NamedTuple):
    """Of a prediction: seconds, and bytes above what was held before."""

    seconds: float
    peak: int | None


def measured(job: Job, threads: int, seconds: float) -> Cost:
    """Of label maps; the first prediction counts only if it takes longer than `seconds`."""
    bench, laps = job.bench(threads), list[float]()

    @torch.inference_mode()
    def plain_labels() -> Tensor:
        return bench.model(bench.inputs)[0]["sem_seg"].argmax(0)

    step = plain_labels if job.form == "plain" else bench.step

    def lap() -> None:
        start = time.perf_counter()
        step()
        laps.append(time.perf_counter() - start)

    peak = peak_growth(lap, torch.device("cpu"))
    while sum(laps) < seconds:
        lap()
    return Cost(median(laps[1:] or laps), peak)


@torch.inference_mode()
def difference(model: Model, size: int, threads: int) -> float:
    """Between the plain logits and those in slices, as a share of the largest."""
    names, logits = CHECKED + model.cfg.MODEL.AGGREGATION.KEEP, []
    for form in ("slices", "plain"):
        bench = Job(model, form, names, size).bench(threads)
        logits.append(bench.model.prepare(bench.inputs).scores)
    looked_at = logits[0] > -100
    return float((logits[0] - logits[1]).abs().max() / logits[0][looked_at].abs().max())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config-file", nargs="+", metavar="FILE", help="instead of the three published forms"
    )
    parser.add_argument("--classes", type=int, nargs="+", default=[20, 150, 847], metavar="K")
    parser.add_argument("--size", type=int, nargs="+", default=[384, 640], metavar="PIXELS")
    parser.add_argument("--threads", type=int, default=2, metavar="T", help="of torch")
    parser.add_argument(
        "--seconds", type=float, default=4.0, metavar="S", help="of each, if not one lasts longer"
    )
    parser.add_argument(
        "--largest", type=int, default=400, metavar="K", help="names asked of windows at once (400)"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table between its lines there"
    )
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(arguments)
    say_errors(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """
    Raises:
        ValueError: a number below 1, or the plain form gives other logits.
    """
    if min(*args.classes, *args.size, args.threads) < 1:
        raise ValueError("classes, size and threads are numbers of 1 or more.")
    if args.markdown:
        around(args.markdown, BEGIN, END)
    models = PUBLISHED
    if args.config_file:
        models = tuple(Model(Path(f).stem, f, tuple(args.opts)) for f in args.config_file)
    torch.set_num_threads(args.threads)
    said = [in_words()]
    for model in models:
        share = alone(difference, model, min(args.size), args.threads)
        if not share < TOLERANCE:
            raise ValueError(f"{model.name}: the plain form's logits differ by {share:.1e}.")
        said.append(f"{model.name}: largest difference from the plain form {share:.0e}.")
    costs: dict[Job, Cost] = {}
    for job in tqdm(list(jobs(models, args)), disable=None):
        try:
            costs[job] = alone(measured, job, args.threads, args.seconds)
        except BrokenProcessPool:
            said.append(f"{job}: the process was killed.")
        tqdm.write(f"{job}: {costs.get(job, said[-1])}")
    said += growth(costs)
    print_table(rows(costs), said)
    if args.markdown:
        command = f"`{shlex.join(['python', 'benchmarks/cost_aggregation.py', *sys.argv[1:]])}`"
        notes = "\n".join(f"* {note}" for note in [command, *said])
        write_between(args.markdown, BEGIN, END, f"{markdown(rows(costs))}\n\n{notes}")


def alone(work: Callable[..., Any], *arguments: Any) -> Any:  # Any: what the work takes and gives
    """In a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def jobs(models: Sequence[Model], args: argparse.Namespace) -> Iterator[Job]:
    for model, size, classes, form in product(models, args.size, args.classes, FORMS):
        job = Job(model, form, classes, size)
        fits = form == "slices" or not job.in_windows or classes <= args.largest
        if fits and classes >= model.fewest:
            yield job


def rows(costs: Mapping[Job, Cost]) -> Rows:
    """A line for a model, a size and a number of names."""
    heading = ["model", "pixels", "names"]
    found = [heading + [f"{form}: {unit}" for form in FORMS for unit in ("images/s", "MB")]]
    for model, size, classes in dict.fromkeys((j.model, j.size, j.classes) for j in costs):
        line = [model.name, str(size), str(classes)]
        for cost in (costs.get(Job(model, form, classes, size)) for form in FORMS):
            line.append("-" if cost is None else f"{1 / cost.seconds:#.3g}")
            line.append("-" if cost is None or cost.peak is None else f"{cost.peak / 1e6:.0f}")
        found.append(line)
    return found


def growth(costs: Mapping[Job, Cost]) -> Iterator[str]:
    """What the most names need in windows and in slices, over what the next fewer do."""
    for model in dict.fromkeys(job.model for job in costs):
        own = [job for job in costs if (job.model, job.form) == (model, "slices")]
        peaks = {job.classes: costs[job].peak for job in own if job.in_windows}
        *_, fewer, more = [0, 0, *sorted(peaks)]
        if fewer and peaks[fewer]:
            times = f"{peaks[more] / peaks[fewer]:.2f} times"
            yield f"{model.name}, windows: {times} the memory of {fewer} names for {more}."


if __name__ == "__main__":
    main()
