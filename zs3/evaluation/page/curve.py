"""The calibration curve: seen, unseen and harmonic mIoU over what is taken off seen scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 250  # of the drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 12, 12, 40
_MOST_GAMMAS = 10  # that fit below the curve
_LINES = ("S", "U", "hIoU")


@dataclass(frozen=True)
class Point:
    """A measured score (percent), and where it is drawn."""

    gamma: float
    score: float
    x: float
    y: float


@dataclass(frozen=True)
class Curve:
    """
    Attributes:
        lines: points from left to right, by the name of the score.
        best: where hIoU is highest; None where it is nowhere defined.
        levels: percentages of horizontal lines, and their y.
        gammas: values to write below, and their x.
    """

    lines: dict[str, list[Point]]
    best: Point | None
    levels: list[tuple[int, float]]
    gammas: list[tuple[float, float]]


def curve(calibration: Mapping[str, Sequence[float | None]]) -> Curve:
    """
    Args:
        calibration: "gammas", and of each the percentages "S", "U" and "hIoU" (None: undefined).
    """
    known = {
        name: sorted(
            (gamma, score)
            for gamma, score in zip(calibration["gammas"], calibration[name], strict=True)
            if gamma is not None and score is not None
        )
        for name in _LINES
    }
    pairs = [pair for line in known.values() for pair in line]
    low, high = (side((gamma for gamma, _ in pairs), default=0.0) for side in (min, max))
    top = 10 * max(1, math.ceil(max((score for _, score in pairs), default=0.0) / 10))

    def point(gamma: float, score: float) -> Point:
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * (gamma - low) / ((high - low) or 1)
        y = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * score / top
        return Point(gamma, score, round(x, 1), round(y, 1))

    lines = {name: [point(*pair) for pair in line] for name, line in known.items()}
    levels = range(0, top + 1, 10 if top <= 50 else 20)
    gammas = sorted({gamma for gamma, _ in pairs})
    shown = gammas[:: -(-len(gammas) // _MOST_GAMMAS)] if gammas else []
    return Curve(
        lines,
        best=max(lines["hIoU"], key=lambda each: each.score, default=None),
        levels=[(level, point(low, level).y) for level in levels],
        gammas=[(gamma, point(gamma, 0).x) for gamma in shown],
    )
