"""What refusals say about words that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ " Did you mean 'x'?" with the nearest of the known words, or nothing where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def quoted(word: str, most: int = 80) -> str:
    """As it was given, in quotes; the middle of a long one left out."""
    half = most // 2
    return repr(word if len(word) <= most else f"{word[:half]} ... {word[-half:]}")
