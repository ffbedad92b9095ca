"""Names of dilated residual networks, the publisher's and SAZS's, and those of `DRN` here."""

from __future__ import annotations

from torch import Tensor

from .key_map import Rule, rename

_CONVOLUTIONS = 4  # of a level, at most: published networks have one

RULES: tuple[Rule, ...] = (
    *(
        (rf"(?:base\.|layer)([01278])\.{3 * i + j}\.", rf"level\1.{2 * i}.{part}")
        for i in range(_CONVOLUTIONS)
        for j, part in enumerate(("", "norm."))
    ),
    *(
        (rf"(?:base\.|layer)([3-6])\.(\d+)\.{theirs}\.", rf"level\1.\2.{ours}.")
        for theirs, ours in (
            (r"conv(\d)", r"conv\3"),
            (r"bn(\d)", r"conv\3.norm"),
            (r"downsample\.0", "shortcut"),
            (r"downsample\.1", "shortcut.norm"),
        )
    ),
)


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published DRN of type D under our names. What is no part of it stays."""
    return rename(state, RULES)
