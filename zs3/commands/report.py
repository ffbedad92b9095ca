"""`zs3 report`: evaluations as one HTML page, side by side if they are several."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .errors import say_errors

EPILOG = """
examples:
  zs3 report output/shapes/zegformer --output report.html
  zs3 report output/shapes/zegformer output/shapes/spnet --output comparison.html
  zs3 report output/shapes/*/inference/shapes_mixed_test --output comparison.html
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes one HTML page about the evaluations in some directories; nothing is computed anew."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "directories",
        nargs="+",
        metavar="DIR",
        help="an output directory of train_net.py, or one evaluation in it (inference/SET)",
    )
    parser.add_argument(
        "--output", default="report.html", metavar="FILE", help="where to (default: %(default)s)"
    )
    args = parser.parse_args(arguments)
    say_errors(lambda: _report(args))


def _report(args: argparse.Namespace) -> None:
    from ..evaluation.page import write_page
    from ..files import ready_to_write

    ready_to_write(args.output)
    write_page(args.directories, args.output)
    print(f"the report is in {args.output}")
