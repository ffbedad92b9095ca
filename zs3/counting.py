"""Numbers of things in messages."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """ "1 image", but "2 images" and "0 images"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
