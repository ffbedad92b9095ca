"""How a command fails: in a line."""

from __future__ import annotations

from collections.abc import Callable


def say_errors(work: Callable[[], None]) -> None:
    """Bad input ends in one line, not in a traceback."""
    try:
        work()
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None
