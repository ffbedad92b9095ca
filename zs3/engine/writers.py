"""What a run leaves to read: lines on the console, metrics.json, TensorBoard events."""

from __future__ import annotations

import importlib.util
import json
import logging
from pathlib import Path

from ..files import write_atomically
from ..runtime.utils.events import (
    CommonMetricPrinter,
    EventWriter,
    JSONWriter,
    TensorboardXWriter,
)

METRICS = "metrics.json"

logger = logging.getLogger(__name__)


def open_writers(directory: Path, start_iter: int, max_iter: int) -> list[EventWriter]:
    """
    Console with the time left, JSON lines and TensorBoard.

    Args:
        start_iter: what is written about this iteration and later ones is dropped; they come again.
    """
    truncate_metrics(directory / METRICS, start_iter)
    writers = [CommonMetricPrinter(max_iter), JSONWriter(str(directory / METRICS))]
    if importlib.util.find_spec("tensorboard"):
        writers.append(TensorboardXWriter(str(directory), purge_step=start_iter))
    else:
        logger.warning("no TensorBoard events are written: the package tensorboard is missing.")
    return writers


def truncate_metrics(path: Path, start_iter: int) -> None:
    """Keeps the complete lines of iterations before `start_iter`."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = "".join(line for line in lines if _iteration(line) < start_iter)
        write_atomically(path, kept.encode())


def _iteration(line: str) -> float:
    """Infinite for a line that was cut off."""
    try:
        return json.loads(line)["iteration"] if line.endswith("\n") else float("inf")
    except ValueError:
        return float("inf")
