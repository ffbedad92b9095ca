"""The command line of a training script, and what others share with it."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress


def default_argument_parser(epilog: str | None = None) -> argparse.ArgumentParser:
    """
    Detectron2's arguments; --dist-url is "auto" unless given, so that runs do not share a port.

    Args:
        epilog: text below the list of arguments, examples for instance.
    """
    parser = argparse.ArgumentParser(
        epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config-file", default="", metavar="FILE", help="a YAML file; defaults alone without it"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in OUTPUT_DIR"
    )
    parser.add_argument("--eval-only", action="store_true", help="evaluate, do not train")
    parser.add_argument(
        "--num-gpus", type=int, default=1, help="processes on each machine, one a GPU"
    )
    parser.add_argument("--num-machines", type=int, default=1, help="number of machines")
    parser.add_argument("--machine-rank", type=int, default=0, help="which of them this is, from 0")
    parser.add_argument(
        "--dist-url",
        default="auto",
        help='where processes meet: "tcp://HOST:PORT" of machine 0, or "auto" on a single machine',
    )
    parser.add_argument(
        "opts",
        nargs=argparse.REMAINDER,
        metavar="KEY VALUE",
        help="configuration keys to set, at the end",
    )
    return parser


def finite(text: str) -> float:
    """The type of an argument: a number that others can be compared with."""
    with suppress(ValueError):
        if math.isfinite(number := float(text)):
            return number
    raise argparse.ArgumentTypeError(f"expected a number, but got {text!r}")


def positive(text: str) -> int:
    """The type of an argument: a number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, but got {text!r}")
    return int(text)
