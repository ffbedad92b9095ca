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
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TypeVar

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

BEGIN = "<!-- aggregation table: written by benchmarks/cost_aggregation.py -->"
END = "<!-- end of aggregation table -->"
FORMS = ("slices", "at once", "plain")
EVERY = str(10**6)  # classes a slice
AT_ONCE = ("MODEL.AGGREGATION.CLASS_CHUNK", EVERY, "TEST.CLASS_CHUNK", EVERY)
CONFIGS = Path(__file__).parents[1] / "configs" / "cat_seg"
CHECKED, TOLERANCE = 40, 1e-3  # names; of the largest logit
T = TypeVar("T")


@dataclass(frozen=True)
class Model:
    """
    A configuration.

    Attributes:
        options: on top of it.
        fewest: names it is asked about.
    """

    name: str
    config_file: str
    options: tuple[str, ...] = ()
    fewest: int = 1

    @property
    def crop(self) -> int:
        """Side of a window (pixels)."""
        return get_config(self.config_file, self.options).TEST.SLIDING_WINDOW.CROP

    @property
    def kept(self) -> int:
        """So many of more names are looked at; 0 for all."""
        return get_config(self.config_file, self.options).MODEL.AGGREGATION.KEEP


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

    def bench(self, threads: int) -> Bench:
        windows = ("TEST.SLIDING_WINDOW.ENABLED", str(self.size > self.model.crop))
        bench = Bench(
            Workload(
                config_file=self.model.config_file,
                options=(
                    *self.model.options,
                    *windows,
                    *(AT_ONCE if self.form != "slices" else ()),
                ),
                size=(self.size, self.size),
                classes=self.classes,
                threads=threads,
                random_weights=True,
            )
        )
        if self.form == "plain":
            bench.model.aggregation = PlainAggregation(bench.model.aggregation)
        return bench


@dataclass(frozen=True)
class Cost:
    """Seconds of a prediction, and bytes above what was held before."""

    seconds: float
    peak: int | None


Costs = Mapping[Job, Cost]


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
    logits = []
    for form in ("slices", "plain"):
        bench = Job(model, form, CHECKED + model.kept, size).bench(threads)
        logits.append(bench.model.prepare(bench.inputs).scores)
    dropped = logits[0] == -100
    if not torch.equal(dropped, logits[1] == -100):
        return float("inf")
    return float((logits[0] - logits[1]).abs().max() / logits[0][~dropped].abs().max())


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
        "--seconds", type=float, default=8.0, metavar="S", help="of each, if not one lasts longer"
    )
    parser.add_argument(
        "--largest",
        type=int,
        default=400,
        metavar="K",
        help="of more names than that no windows are looked at but in slices",
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table between its lines there"
    )
    parser.add_argument(
        "--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="at the end"
    )
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
    said = [in_words()]
    for model in models:
        share = alone(difference, model, min(args.size), args.threads)
        if not share < TOLERANCE:
            raise ValueError(f"{model.name}: the plain form's logits differ by {share:.1e}.")
        said.append(f"{model.name}: largest difference from the plain form {share:.0e}.")
    costs = {}
    for job in tqdm(list(jobs(models, args)), disable=None):
        costs[job] = alone(measured, job, args.threads, args.seconds)
    said += [*growth(costs)]
    print_table(rows(costs), said)
    if args.markdown:
        command = f"`{shlex.join(['python', 'benchmarks/cost_aggregation.py', *sys.argv[1:]])}`"
        notes = "\n".join(f"* {note}" for note in [command, *said])
        write_between(args.markdown, BEGIN, END, f"{markdown(rows(costs))}\n\n{notes}")


def alone(work: Callable[..., T], *arguments: object) -> T:
    """In a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def jobs(models: Sequence[Model], args: argparse.Namespace) -> Iterator[Job]:
    for model, size, classes, form in product(models, args.size, args.classes, FORMS):
        fits = form == "slices" or size <= model.crop or classes <= args.largest
        if fits and classes >= model.fewest:
            yield Job(model, form, classes, size)


def rows(costs: Costs) -> Rows:
    """A line for a model, a size and a number of names."""
    heading = ["model", "pixels", "names"]
    found = [heading + [f"{form}: {what}" for form in FORMS for what in ("images/s", "MB")]]
    for model, size, classes in dict.fromkeys((j.model, j.size, j.classes) for j in costs):
        line = [model.name, str(size), str(classes)]
        for cost in (costs.get(Job(model, form, classes, size)) for form in FORMS):
            line.append("-" if cost is None else f"{1 / cost.seconds:#.3g}")
            line.append("-" if cost is None or cost.peak is None else f"{cost.peak / 1e6:.0f}")
        found.append(line)
    return found


def growth(costs: Costs) -> Iterator[str]:
    """How memory grows with the names."""
    for model, form, size in dict.fromkeys((j.model, j.form, j.size) for j in costs):
        peaks = {
            job.classes: cost.peak
            for job, cost in costs.items()
            if (job.model, job.form, job.size) == (model, form, size) and cost.peak
        }
        *_, fewer, more = [0, *sorted(peaks)]
        if fewer:
            yield (
                f"{model.name}, {form}, {size} pixels: {more} names take "
                f"{peaks[more] / peaks[fewer]:.2f} times the memory of {fewer}."
            )


if __name__ == "__main__":
    main()
