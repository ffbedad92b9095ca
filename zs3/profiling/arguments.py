"""Arguments by which commands are told what to measure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from ..runtime.arguments import positive
from .measure import Subject
from .workload import Workload


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Several values of one of the first three are all combined with each other."""
    parser.add_argument(
        "--config-file", nargs="+", required=True, metavar="FILE", help="what is measured"
    )
    parser.add_argument(
        "--size",
        nargs=2,
        type=int,
        action="append",
        metavar=("H", "W"),
        help="of the images in pixels, by default 512 512; may be given again",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        type=int,
        default=[None],
        metavar="N",
        help="ask for N made-up names, a tenth of them unseen; default: those of the dataset",
    )
    parser.add_argument("--batch", type=int, default=1, metavar="B", help="images a step")
    parser.add_argument("--threads", type=int, metavar="T", help="of torch on CPUs")
    parser.add_argument(
        "--random-weights",
        action="store_true",
        help="read and download no weights, CLIP's neither: for speed and size alone",
    )
    parser.add_argument(
        "--repeats", type=positive, default=5, metavar="R", help="rounds that are measured"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        metavar="S",
        help="that a round lasts, if one step does not last longer",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument(
        "--opts",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="KEY VALUE",
        help="configuration overrides, at the end; MODEL.WEIGHTS measures a trained model",
    )


def subjects(args: argparse.Namespace, tasks: Sequence[str] = ("prediction",)) -> list[Subject]:
    """
    What arguments ask for, one for every combination.

    Args:
        tasks: "prediction", "training".

    Raises:
        ValueError: a number below 1.
    """
    sizes = args.size or [[512, 512]]
    return [
        Subject(
            Workload(
                config_file=file,
                options=tuple(args.opts),
                training=task == "training",
                size=(height, width),
                batch=args.batch,
                classes=classes,
                threads=args.threads,
                random_weights=args.random_weights,
            ),
            name="/".join(Path(file).with_suffix("").parts[-2:]),
        )
        for file, task, (height, width), classes in product(
            args.config_file, tasks, sizes, args.classes
        )
    ]
