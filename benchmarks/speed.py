#!/usr/bin/env python
"""
Measures how fast models predict and train, where the time goes, and how much memory they take.

    python benchmarks/speed.py --config-file configs/shapes/zegformer.yaml --size 96 96 --threads 1
    python benchmarks/speed.py --config-file FILE FILE --task prediction training --classes 20 847
    python benchmarks/speed.py --config-file FILE --against main          # a git revision, in turns
    python benchmarks/speed.py --config-file FILE --against OTHER_FILE    # another configuration
    python benchmarks/speed.py --config-file configs/zegformer/r50.yaml --random-weights \\
        --classes 171 --size 640 640

Several values are all combined. Every measurement has a process of its own. docs/benchmarks.md says
what is measured, and how.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from zs3.commands.errors import say_errors
from zs3.files import ready_to_write, write_atomically
from zs3.profiling.against import opponent
from zs3.profiling.arguments import add_arguments, subjects
from zs3.profiling.measure import Measurement, measure
from zs3.profiling.tables import (
    around,
    markdown,
    measurement_rows,
    notes,
    print_table,
    ratio_rows,
    write_between,
)

BEGIN, END = "<!-- speed table: written by benchmarks/speed.py -->", "<!-- end of speed table -->"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--task", nargs="+", choices=("prediction", "training"), default=["prediction"]
    )
    parser.add_argument(
        "--against",
        metavar="REVISION_OR_FILE",
        help="measure a git revision, or another configuration, in turns with each",
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table between its lines there"
    )
    add_arguments(parser)
    args = parser.parse_args(arguments)
    say_errors(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    ready_to_write(args.json)
    if args.markdown:
        around(args.markdown, BEGIN, END)
    done: list[Measurement] = []
    for found in measurements(args):
        done += found
        print_table(measurement_rows(found), notes(found))
        if len(found) == 2:
            print_table(ratio_rows(*found))
    if args.json:
        write_atomically(args.json, json.dumps([asdict(m) for m in done], default=str).encode())
    if args.markdown:
        command = shlex.join(["python", "benchmarks/speed.py", *sys.argv[1:]])
        said = "\n".join(f"* {note}" for note in [f"`{command}`", *notes(done)])
        table = f"{markdown(measurement_rows(done))}\n\n{said}"
        write_between(args.markdown, BEGIN, END, table)


def measurements(args: argparse.Namespace) -> Iterator[list[Measurement]]:
    """Each with its opponent, if there is one."""
    for subject in subjects(args, args.task):
        if args.against:
            with opponent(subject, args.against) as other:
                yield measure([subject, other], args.repeats, args.seconds)
        else:
            yield measure([subject], args.repeats, args.seconds)


if __name__ == "__main__":
    main()
