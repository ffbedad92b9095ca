"""Where messages go: the console of the main process, and a file of every process."""

from __future__ import annotations

import functools
import logging
import sys
from pathlib import Path

from termcolor import colored

_PLAIN = "[%(asctime)s] %(name)s %(levelname)s: %(message)s"
_TIME = "%m/%d %H:%M:%S"
_COLORS = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


@functools.cache  # asked twice for the same, every message would be written twice
def setup_logger(
    output: str | None = None, distributed_rank: int = 0, *, color: bool = True, name: str
) -> logging.Logger:
    """
    Prepares the logger `name` and all below it.

    Args:
        output: a file ending in .txt or .log, or a directory for log.txt; None for neither. Other
            processes than the main one add ".rankN" to the name.
        distributed_rank: only rank 0 writes to the console.
    """
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    if distributed_rank == 0:
        console = logging.StreamHandler(sys.stdout)
        console.setFormatter(_Colored(_PLAIN, _TIME) if color else logging.Formatter(_PLAIN, _TIME))
        logger.addHandler(console)
    if output is not None:
        path = Path(output) if output.endswith((".txt", ".log")) else Path(output, "log.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = f".rank{distributed_rank}" if distributed_rank else ""
        file = logging.FileHandler(f"{path}{suffix}")
        file.setFormatter(logging.Formatter(_PLAIN, _TIME))
        logger.addHandler(file)
    return logger


class _Colored(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        where = colored(f"[{record.asctime} {record.name}]:", "green")
        if record.levelno in _COLORS:
            return f"{where} {colored(record.levelname, _COLORS[record.levelno])} {record.message}"
        return f"{where} {record.message}"
