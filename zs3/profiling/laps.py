"""The time of one step by stage. Stages add up: what belongs to none of them is "other"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

OTHER = "other"
STAGES = (
    *("backbone", "grouping", "text", "naming", "refiners", "readout"),
    *("loss", "backward", "optimizer", OTHER),
)
Lap = Mapping[str, float]  # seconds of one step; stages that did not run are left out


def total(lap: Lap) -> float:
    """Seconds of the step."""
    return sum(lap.values())


def middle(laps: Sequence[Lap]) -> Lap:
    """The lap that is as often slower as faster than another; of two such, the faster."""
    return sorted(laps, key=total)[(len(laps) - 1) // 2]
