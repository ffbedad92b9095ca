"""How a command fails: in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def say_errors(work: Callable[[], T]) -> T:
    """What the work returns. Bad input ends in one line, not in a traceback."""
    try:
        return work()
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"error: {_in_words(error)}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _in_words(error: Exception) -> str:
    """The system's own errors without their number: "x.json: No such file or directory"."""
    if isinstance(error, FileExistsError) and error.filename:
        return f"{error.filename} is a file; expected a directory, or the name of a new one."
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
