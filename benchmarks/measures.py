"""
What Boundary IoU and a calibration curve cost an image, beside IoU, on made-up label maps.

    python benchmarks/measures.py --classes 20 171 847 --size 512
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable

import cv2
import numpy as np
import torch

from zs3.evaluation import ZeroShotEvaluator
from zs3.evaluation.boundary import BoundaryIoU
from zs3.evaluation.calibration import RIVALS, Calibration
from zs3.evaluation.measure import Measure
from zs3.evaluation.rivals import Rivals
from zs3.readout import ScoreMaps
from zs3.vocabulary import Vocabulary

IGNORE, CHUNK, GAMMAS = 65535, 64, np.linspace(0, 1, 21).tolist()
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=int, nargs="+", default=[20, 171, 847])
    parser.add_argument("--size", type=int, default=512, help="side of the label maps (pixels)")
    parser.add_argument("--repeats", type=int, default=30, help="images of each measurement")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(
        f"{args.size} x {args.size} pixels, one thread, median of {args.repeats}; CPU ms an image"
    )
    print("classes | IoU | and Boundary IoU | and 21 gammas | peak MiB | argmax | both rivals")
    for count in args.classes:
        print(" | ".join(measured(count, args.size, args.repeats)))


def measured(count: int, size: int, repeats: int) -> list[str]:
    """A row of the table."""
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary(tuple(map(str, range(count))), tuple(k % 5 > 0 for k in range(count)))
    is_seen = torch.tensor(vocabulary.is_seen)
    truth, labels = (regions(rng, count, size) for _ in range(2))
    labels = np.where(rng.random(truth.shape) < 0.7, truth, labels)
    truth[rng.random(truth.shape) < 0.05] = IGNORE
    scores = torch.rand(2, size, size, generator=torch.Generator().manual_seed(0))
    seen, unseen = (np.flatnonzero(is_seen.numpy() == half) for half in (True, False))
    answers = np.stack([seen[labels % len(seen)], unseen[labels % len(unseen)]])
    rivals = Rivals(scores, torch.from_numpy(answers))
    sample = {"file_name": "made up", "sem_seg": torch.from_numpy(truth)}
    output = {"labels": torch.from_numpy(labels), RIVALS: rivals}

    def evaluator(*measures: Measure) -> ZeroShotEvaluator:
        return ZeroShotEvaluator(vocabulary, measures=measures)

    boundary, calibration = BoundaryIoU(count), Calibration(GAMMAS, count)
    times = [
        median(lambda subject=subject: subject.process([sample], [output]), repeats)
        for subject in (evaluator(), evaluator(boundary), evaluator(boundary, calibration))
    ]
    tracemalloc.start()
    subject = evaluator(BoundaryIoU(count), Calibration(GAMMAS, count))
    subject.process([sample] * 3, [output] * 3)
    subject.evaluate()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    scores = torch.rand(count, size, size)
    maps = ScoreMaps(lambda classes: scores[classes], count, (size, size))
    readouts = [
        median(lambda: maps.labels(CHUNK), 5),
        median(lambda: Rivals.of(maps, is_seen, CHUNK), 5),
    ]
    return [str(count), *(f"{t:.1f}" for t in times), f"{peak / MIB:.0f}"] + [
        f"{t:.0f}" for t in readouts
    ]


def regions(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """(size, size) int64: labels in squares of about 1/12 of the side."""
    coarse = rng.integers(0, count, (12, 12)).astype(np.uint16)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_NEAREST).astype(np.int64)


def median(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds of CPU time, which other work on the machine disturbs least."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
