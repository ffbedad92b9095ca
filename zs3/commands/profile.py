"""`zs3 profile`: what a model costs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from .errors import say_errors

EPILOG = """
examples:
  parameters, multiply-adds, speed and memory at the names of the dataset:
      zs3 profile --config-file configs/shapes/zegformer.yaml --size 96 96
  of a published model without its weights, at 20 and at 171 names; only what can be counted:
      zs3 profile --config-file configs/zegformer/r50.yaml --random-weights --classes 20 171 \\
          --no-speed
Time by stage, training steps and comparisons: benchmarks/speed.py.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Counts parameters and multiply-adds of a prediction, and measures its speed and memory."""
    from ..profiling.arguments import add_arguments

    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--no-speed", action="store_true", help="only count")
    add_arguments(parser)
    args = parser.parse_args(arguments)
    say_errors(lambda: _profile(args))


def _profile(args: argparse.Namespace) -> None:
    from ..files import ready_to_write, write_atomically
    from ..profiling.arguments import subjects
    from ..profiling.bench import Bench
    from ..profiling.counting import model_size
    from ..profiling.measure import measure
    from ..profiling.tables import measurement_rows, notes, print_table, size_notes, size_rows

    ready_to_write(args.json)
    asked = subjects(args)
    sizes = [(subject, model_size(Bench(subject.workload))) for subject in asked]
    print_table(size_rows(sizes), size_notes(sizes))
    found = [] if args.no_speed else [measure([s], args.repeats, args.seconds)[0] for s in asked]
    if found:
        print_table(measurement_rows(found), notes(found))
    if args.json:
        everything = {
            "sizes": [{**asdict(subject), **asdict(size)} for subject, size in sizes],
            "measurements": [asdict(measurement) for measurement in found],
        }
        write_atomically(args.json, json.dumps(everything, default=str).encode())
