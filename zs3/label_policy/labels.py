"""Labels of one vocabulary in another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..vocabulary import Vocabulary


def the_only(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The vocabulary that the images of a batch share. Raises ValueError if they do not."""
    if len(vocabularies) > 1:
        raise ValueError(
            "the images of a training batch have different vocabularies; train on one at a time."
        )
    return vocabularies[0]


def remapped(labels: Sequence[Tensor], full: Vocabulary, asked: Vocabulary) -> list[Tensor]:
    """Labels of the full vocabulary in another one, IGNORE where that lacks the name."""
    return looked_up(labels, full.remap(asked))


def looked_up(labels: Sequence[Tensor], table: np.ndarray) -> list[Tensor]:
    """table[label] of every label map; a table as `Vocabulary.remap` gives it."""
    rows = torch.from_numpy(table).to(labels[0].device)
    return [rows[label] for label in labels]
