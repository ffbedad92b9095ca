"""Embeddings made elsewhere, one row (or P rows) a class name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..registry import TEXT_ENCODER_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import Vocabulary
from .encoder import TextEncoder
from .tables import Table, open_table


@TEXT_ENCODER_REGISTRY.register()
class PrecomputedText(TextEncoder):
    """
    Looks names up in tables. A class is looked up by its name, and by its synonyms only if its name
    is in no table. A name counts as found if the table has it exactly, in lower case, or with other
    separators between its words (spaces, underscores, hyphens, none), tried in this order.

    Args:
        files: tables, written as `zs3.text.tables` says; the rows of several are concatenated.
        aliases: pairs (name here, name in the tables).
    """

    reads_templates = False
    restored_from_source = True
    _place: Tensor

    @configurable
    def __init__(self, *, files: Sequence[str], aliases: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__()
        if not files:
            raise ValueError(
                f"{type(self).__name__} reads tables: name at least one in MODEL.TEXT.FILES."
            )
        self.tables = [open_table(file) for file in files]
        self.aliases = dict(aliases)
        shapes = [table.shape for table in self.tables]
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ValueError(
                f"tables of rows {shapes} cannot be concatenated: they differ in more than width."
            )
        self.dim = sum(shape[-1] for shape in shapes)
        # Follows the model from device to device.
        self.register_buffer("_place", torch.empty(0), persistent=False)

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        return {"files": cfg.MODEL.TEXT.FILES, "aliases": cfg.MODEL.TEXT.ALIASES}

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """
        M names -> (M, D) or (M, P, D) float32, as stored.

        Raises:
            ValueError: a name that a table lacks.
        """
        found = [self.find(table, prompts) for table in self.tables]
        for table, rows in zip(self.tables, found, strict=True):
            missing = [name for name in prompts if name not in rows]
            if missing:
                near = table.nearest(missing[0])
                hint = f" Near {missing[0]!r} it has {near}." if near else ""
                raise ValueError(
                    f"{table.source} has no row for {missing[:5]} ({len(missing)} of "
                    f"{len(prompts)} names).{hint} MODEL.TEXT.ALIASES takes pairs [name here, name "
                    "in the table]."
                )
        stacked = [np.stack([rows[name] for name in prompts]).astype(np.float32) for rows in found]
        return torch.from_numpy(np.concatenate(stacked, axis=-1)).to(self._place.device)

    def words(self, vocabulary: Vocabulary) -> Sequence[tuple[str, ...]]:
        every = [*vocabulary.names, *(word for words in vocabulary.synonyms for word in words)]
        known = set(every).intersection(*(self.find(table, every) for table in self.tables))
        return [
            (name,) if name in known else tuple(word for word in words if word in known) or (name,)
            for name, words in zip(vocabulary.names, vocabulary.synonyms, strict=True)
        ]

    def find(self, table: Table, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Rows of the names that `table` has, in one of their spellings."""
        ways = {name: _spellings(self.aliases.get(name, name)) for name in names}
        rows = table.find(way for spellings in ways.values() for way in spellings)
        return {
            name: rows[next(way for way in spellings if way in rows)]
            for name, spellings in ways.items()
            if not rows.keys().isdisjoint(spellings)
        }

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"{type(self).__name__} {sorted(self.aliases.items())}".encode())
        for table in self.tables:
            digest.update(table.digest())
        return digest.hexdigest()


@lru_cache(maxsize=1 << 16)
def _spellings(name: str) -> tuple[str, ...]:
    forms = (name, name.lower())
    joined = (re.sub(r"[\s_-]+", by, form.strip()) for form in forms for by in (" ", "_", "-", ""))
    return tuple(dict.fromkeys([*forms, *joined]))
