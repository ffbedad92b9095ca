"""The measuring process: a request as JSON, then an answer a line for every line it is sent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TextIO

from .bench import Bench
from .workload import Workload


def main(request: str) -> None:
    """Answers on standard output; whatever else is printed there goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(request, sys.stdin, answers)


def serve(request: str, questions: Iterable[str], answers: TextIO) -> None:
    """
    Says what `Bench.about` gives; then, for every number of seconds that is asked, the laps of so
    many seconds. What is wrong with the request is said as {"error": ...}.

    Args:
        request: a `Workload`.
    """

    def say(answer: object) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    try:
        bench = Bench(Workload(**json.loads(request)))
        say(bench.about())
        for question in questions:
            say(bench.laps(float(question)))
    except (ValueError, OSError) as error:
        say({"error": str(error)})
