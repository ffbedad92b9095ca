"""Batches that need no padding, which would change what a model says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import TypeVar

T = TypeVar("T")


def alike(items: Iterable[T], size: Callable[[T], object], batch: int) -> Iterator[list[T]]:
    """
    The items in order, up to `batch` together of those that follow each other and have one size.
    """
    for _, group in groupby(items, size):
        while some := list(islice(group, batch)):
            yield some
