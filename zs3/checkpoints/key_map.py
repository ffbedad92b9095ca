"""Renaming and dropping of state-dict keys: published layouts into this project's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import Tensor

Rule = tuple[str, str]


def rename(state: dict[str, Tensor], rules: Sequence[Rule]) -> dict[str, Tensor]:
    """
    Applies to every key the first rule whose pattern matches from the key's start; a key without a
    rule is kept.

    Args:
        rules: (pattern, replacement) pairs as for `re.sub`.

    Raises:
        ValueError: two keys become the same.
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    renamed: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for key, value in state.items():
        new = key
        for pattern, replacement in compiled:
            if pattern.match(key):
                new = pattern.sub(replacement, key, count=1)
                break
        if new in renamed:
            raise ValueError(
                f"both {origin[new]!r} and {key!r} become {new!r}; the key map is ambiguous."
            )
        renamed[new], origin[new] = value, key
    return renamed


def drop(
    state: dict[str, Tensor], rules: Sequence[Rule]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """
    Parts a state from tensors that nobody needs.

    Args:
        rules: (pattern, why) pairs; patterns match from the key's start.

    Returns:
        what stays, and why each of the others does not, by key.
    """
    compiled = [(re.compile(pattern), reason) for pattern, reason in rules]
    why: dict[str, str] = {}
    for key in state:
        reasons = [reason for pattern, reason in compiled if pattern.match(key)]
        if reasons:
            why[key] = reasons[0]
    return {key: value for key, value in state.items() if key not in why}, why
