"""`zs3 doctor`: whether zs3 can work on this machine, on one screen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

EPILOG = """
examples:
  zs3 doctor
  zs3 doctor --json
  zs3 doctor --output /scratch/runs
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Says what zs3 finds on this machine, and what to do about what it does not find. Exits with 1 if
    something essential is broken.
    """
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the findings for programs")
    parser.add_argument(
        "--output",
        default="output",
        metavar="DIR",
        help="where runs would write (default: %(default)s)",
    )
    args = parser.parse_args(arguments)

    from ..diagnosis import PROBLEM, diagnose

    findings = diagnose(args.output)
    if args.json:
        print(json.dumps([asdict(each) for each in findings], indent=1, ensure_ascii=False))
    else:
        for each in findings:
            print(f"{each.state:8} {each.topic:10} {each.said}")
            if each.advice:
                print(f"{'':19} -> {each.advice}")
    if any(each.state == PROBLEM for each in findings):
        raise SystemExit(1)
