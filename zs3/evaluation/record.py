"""What stands beside the scores of an evaluation, and tells what has made them."""

from __future__ import annotations

import json
from typing import Any  # JSON

from ..environment import run_record
from ..files import write_atomically
from .build import Evaluator
from .curve import FILES as CALIBRATION
from .gallery import IMAGES
from .page import PAGE, RUN


def leave_record(evaluator: Evaluator, dataset: str, **details: Any) -> None:
    """
    Writes run.json to where an evaluator has written, and deletes what an earlier evaluation has
    left there and would be taken for this one's.

    Args:
        dataset: name of the set.
        details: of the run, such as its "config".
    """
    folder = evaluator.output_dir
    assert folder is not None
    record = run_record() | {"dataset": dataset} | details
    write_atomically(folder / RUN, (json.dumps(record, indent=1) + "\n").encode())
    stale = () if evaluator.gallery else (IMAGES, PAGE)
    for name in (*stale, *(() if evaluator.wants_rivals else CALIBRATION)):
        (folder / name).unlink(missing_ok=True)
