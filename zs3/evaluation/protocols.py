"""
Evaluations by name: which question is asked, at which size labels are compared, and how the
confusion matrix is summed up.

"generalized" is the standard. The others exist to compare with published numbers, and are never
used unless they are named (TEST.PROTOCOLS, `zs3 evaluate --protocol`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..nearest import did_you_mean
from . import published
from .questions import (
    Ask,
    across_datasets,
    background_by_names,
    generalized,
    seen_alone,
    unseen_alone,
)

STANDARD = "generalized"
# (confusion (K, A), is_seen (K,) bool) -> percentages by name.
Summarise = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class Protocol:
    """
    Attributes:
        ask: which names compete, and what answers count as.
        size: one of SIZES. Where it is not the label map's, that is resized to the prediction.
        summarise: None for the standard scores of `ZeroShotEvaluator`.
    """

    ask: Ask = generalized
    size: str = "label"
    summarise: Summarise | None = None

    @property
    def run(self) -> tuple[Ask, str]:
        """Protocols that agree in it are served by one run of a model."""
        return self.ask, self.size


PROTOCOLS = {
    STANDARD: Protocol(),
    # Not generalised: one half of the split by itself.
    "seen": Protocol(ask=seen_alone),
    "unseen": Protocol(ask=unseen_alone),
    # Tested on other names than trained on.
    "cross_dataset": Protocol(ask=across_datasets),
    "voc20b": Protocol(ask=background_by_names),
    # Evaluators of published code.
    "zegformer": Protocol(summarise=published.zegformer),
    "mmseg": Protocol(summarise=published.mmseg),
    "zs3net": Protocol(summarise=published.zs3net),
    "spnet": Protocol(size="input", summarise=published.spnet),
    "cagnet": Protocol(size="grid", summarise=published.spnet),
}


def task_of(name: str) -> str:
    """What the scores of a protocol are filed under in results and metrics.json."""
    return "sem_seg" if name == STANDARD else f"sem_seg_{name}"


def runs(names: Sequence[str]) -> list[list[str]]:
    """
    Groups protocols that one run of a model serves, in the order given.

    Raises:
        ValueError: no or unknown names.
    """
    if not names:
        raise ValueError(f"no protocol is named; expected some of {', '.join(PROTOCOLS)}.")
    groups: dict[tuple[Ask, str], list[str]] = {}
    for name in names:
        if name not in PROTOCOLS:
            hint = did_you_mean(name, PROTOCOLS) or f" There are {', '.join(PROTOCOLS)}."
            raise ValueError(f"no evaluation protocol is called {name!r}.{hint}")
        groups.setdefault(PROTOCOLS[name].run, []).append(name)
    return list(groups.values())
