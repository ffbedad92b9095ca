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
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None
