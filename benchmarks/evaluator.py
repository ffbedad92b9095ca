#!/usr/bin/env python
"""
Measures how fast predictions are scored, beside Detectron2's SemSegEvaluator where it is installed.

    python benchmarks/evaluator.py                      # 20, 171 and 847 classes, 512 x 512 pixels
    python benchmarks/evaluator.py --classes 1000 --size 1024 1024 --images 4

Every contestant has a process of its own, they work in turns on the same images, and their mIoU
must agree. docs/benchmarks.md says what is measured.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from zs3.commands.errors import say_errors
from zs3.data.shapes import draw_scene
from zs3.environment import in_words
from zs3.evaluation import ZeroShotEvaluator
from zs3.profiling.memory import peak_growth
from zs3.profiling.tables import Rows, around, markdown, print_table, write_between
from zs3.runtime.data import DatasetCatalog, MetadataCatalog
from zs3.runtime.evaluation import SemSegEvaluator
from zs3.vocabulary import IGNORE, Vocabulary

BEGIN = "<!-- evaluator table: written by benchmarks/evaluator.py -->"
END = "<!-- end of evaluator table -->"
CONTESTANTS = ("zs3", "Detectron2") if SemSegEvaluator else ("zs3",)
GIVEN = ("scores", "labels")
SHIFT = 8  # pixels by which predictions miss the truth


@dataclass(frozen=True)
class Contest:
    """
    One evaluator and what it is given.

    Attributes:
        contestant: one of CONTESTANTS.
        given: "scores" (K, H, W) of every image, or "labels": the best class is known already.
        classes: K.
        size: (H, W).
        images: of a round.
    """

    contestant: str
    given: str
    classes: int
    size: tuple[int, int]
    images: int

    def round(self) -> tuple[float, float]:
        """Seconds of `process` and `evaluate` for all images, and the mIoU."""
        evaluator, spent = self._evaluator, 0.0
        evaluator.reset()
        for index in range(self.images):
            inputs, outputs = self._inputs(index), [{self._key: self._output(index)}]
            start = time.perf_counter()
            evaluator.process(inputs, outputs)
            spent += time.perf_counter() - start
        start = time.perf_counter()
        results = evaluator.evaluate()
        return spent + time.perf_counter() - start, results["sem_seg"]["mIoU"]

    def peak(self) -> int | None:
        """Bytes that `process` and `evaluate` of one image need beside what they are given."""
        inputs, outputs = self._inputs(0), [{self._key: self._output(0)}]

        def work() -> None:
            self._evaluator.reset()
            self._evaluator.process(inputs, outputs)
            self._evaluator.evaluate()

        return peak_growth(work, torch.device("cpu"))

    @property
    def _key(self) -> str:
        return "labels" if (self.contestant, self.given) == ("zs3", "labels") else "sem_seg"

    @cached_property
    def _evaluator(self) -> Any:  # no common type
        names = [f"class {k}" for k in range(self.classes)]
        if self.contestant == "zs3":
            return ZeroShotEvaluator(Vocabulary.of(names))
        dataset = f"benchmark of {self.classes} classes, {self.given}"
        files = [str(index) for index in range(self.images)]
        records = [{"file_name": file, "sem_seg_file_name": file} for file in files]
        DatasetCatalog.register(dataset, lambda: records)
        MetadataCatalog.get(dataset).set(stuff_classes=names, ignore_label=IGNORE)
        return SemSegEvaluator(
            dataset,
            distributed=False,
            sem_seg_loading_fn=lambda file, dtype: self._labels[int(file)][0].astype(dtype),
        )

    @cached_property
    def _labels(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Truth and prediction (H, W) of every image."""
        height, width = self.size
        pairs = []
        for index in range(self.images):
            scene = draw_scene(0, index).label.astype(np.int32)
            enlarged = cv2.resize(scene, (width, height), interpolation=cv2.INTER_NEAREST)
            truth = (31 * enlarged.astype(np.int64) + index) % self.classes
            predicted = np.roll(truth, SHIFT, axis=1)
            truth[:SHIFT] = IGNORE
            pairs.append((truth, predicted))
        return pairs

    @cached_property
    def _scores(self) -> Tensor:
        return torch.empty(self.classes, *self.size)

    def _inputs(self, index: int) -> list[dict[str, Any]]:
        truth = torch.from_numpy(self._labels[index][0])
        return [{"file_name": str(index), "image": truth.new_zeros(3, 1, 1), "sem_seg": truth}]

    def _output(self, index: int) -> Any:
        labels = torch.from_numpy(self._labels[index][1])
        if self.given == "scores":
            return self._scores.uniform_().scatter_(0, labels[None], 2.0)
        return labels if self.contestant == "zs3" else _Decided(labels)


@dataclass(frozen=True)
class _Decided:
    """Scores whose best class costs nothing to find."""

    labels: Tensor

    def argmax(self, dim: int) -> Tensor:
        return self.labels


@dataclass(frozen=True)
class Score:
    """How a contestant did: images a second of every round, bytes, percent."""

    contest: Contest
    speeds: list[float]
    peak: int | None
    miou: float


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=int, nargs="+", default=[20, 171, 847], metavar="K")
    parser.add_argument("--size", type=int, nargs=2, default=[512, 512], metavar=("H", "W"))
    parser.add_argument("--images", type=int, default=4, metavar="N", help="of a round")
    parser.add_argument("--repeats", type=int, default=3, metavar="R", help="rounds")
    parser.add_argument("--threads", type=int, default=1, metavar="T", help="of torch")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table between its lines there"
    )
    args = parser.parse_args(arguments)
    say_errors(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    if min(*args.classes, *args.size, args.images, args.repeats, args.threads) < 1:
        raise ValueError("classes, size, images, repeats and threads are numbers of 1 or more.")
    if args.markdown:
        around(args.markdown, BEGIN, END)
    torch.set_num_threads(args.threads)
    scores: list[Score] = []
    for classes, given in product(args.classes, GIVEN):
        contests = [
            Contest(contestant, given, classes, tuple(args.size), args.images)
            for contestant in CONTESTANTS
        ]
        scores += compete(contests, args.repeats, args.threads)
    said = [in_words(), verdict(scores)]
    print_table(rows(scores), said)
    if args.markdown:
        notes = "\n".join(f"* {note}" for note in said)
        write_between(args.markdown, BEGIN, END, f"{markdown(rows(scores))}\n\n{notes}")


def compete(contests: list[Contest], repeats: int, threads: int) -> list[Score]:
    """In turns, each in its own process."""
    with ExitStack() as stack:
        pools = [
            stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), _prepare, (contest, threads))
            )
            for contest in contests
        ]
        peaks = [pool.submit(_peak).result() for pool in pools]
        title = f"{contests[0].classes} classes, {contests[0].given}"
        rounds = [
            [pool.submit(_round).result() for pool in pools]
            for _ in tqdm(range(repeats), title, leave=False, disable=None)
        ]
    return [
        Score(contest, [contest.images / seconds for seconds, _ in own], peak, own[0][1])
        for contest, peak, own in zip(contests, peaks, zip(*rounds, strict=True), strict=True)
    ]


def rows(scores: list[Score]) -> Rows:
    """A line each."""
    heading = [
        "evaluator",
        "given",
        "classes",
        "images/s",
        "rounds, from - to",
        "peak (MB)",
        "mIoU",
    ]
    return [heading] + [
        [
            score.contest.contestant,
            score.contest.given,
            str(score.contest.classes),
            f"{median(score.speeds):#.3g}",
            f"{min(score.speeds):#.3g} - {max(score.speeds):#.3g}",
            "not told" if score.peak is None else f"{score.peak / 1e6:.0f}",
            f"{score.miou:.4f}",
        ]
        for score in scores
    ]


def verdict(scores: list[Score]) -> str:
    """
    What the comparison says about the scores themselves.

    Raises:
        ValueError: evaluators disagree.
    """
    if len(CONTESTANTS) == 1:
        return "Detectron2 is not installed (docs/runtime.md), so there is nothing to compare with."
    found = {classes: set() for classes in (score.contest.classes for score in scores)}
    for score in scores:
        found[score.contest.classes].add(round(score.miou, 8))
    for classes, values in found.items():
        if len(values) > 1:
            raise ValueError(f"the mIoU of {classes} classes differ: {sorted(values)}.")
    return "All evaluators agree on every mIoU, to 8 decimals."


_contest: Contest  # of this process


def _prepare(contest: Contest, threads: int) -> None:
    global _contest
    torch.set_num_threads(threads)
    _contest = contest


def _round() -> tuple[float, float]:
    return _contest.round()


def _peak() -> int | None:
    return _contest.peak()


if __name__ == "__main__":
    main()
