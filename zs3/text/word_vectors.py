"""Word vectors (word2vec, GloVe, fastText), the text side of SPNet, ZS3Net and CaGNet."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ..registry import TEXT_ENCODER_REGISTRY
from .precomputed import PrecomputedText
from .tables import Table


@TEXT_ENCODER_REGISTRY.register()
class WordVectors(PrecomputedText):
    """
    As `PrecomputedText`, but a name that a table lacks is the mean of its words, if the table has
    them all.

    Vectors are returned as they are stored: SPNet and CaGNet concatenate fastText and word2vec and
    scale the result, not the halves, to unit length (MODEL.TEXT.NORMALIZE), ZS3Net scales nothing.
    """

    def find(self, table: Table, names: Iterable[str]) -> dict[str, np.ndarray]:
        names = list(names)
        found = super().find(table, names)
        parts = {
            name: re.split(r"[\s_,-]+", self.aliases.get(name, name).strip())
            for name in names
            if name not in found
        }
        rows = super().find(table, [word for words in parts.values() for word in words])
        means: dict[str, np.ndarray] = {
            name: np.stack([rows[word] for word in words]).mean(0, dtype=np.float64)
            for name, words in parts.items()
            if all(word in rows for word in words)
        }
        return {**found, **means}
