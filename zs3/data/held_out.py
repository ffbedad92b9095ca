"""
A zero-shot problem among the seen classes of a dataset, to choose settings on such as gamma (SPNet,
CVPR 2019, section 4.1): some seen classes play unseen, those that are unseen have no part in it.

    of: voc2012_15-5_train
    held_out: [horse, motorbike, person]   # seen names that play unseen
    images: 500                            # the last ones of that dataset are NAME_val

Such a file stands in DATASETS.FILES, as descriptions of your own data do, and gives NAME_val and,
of all other images, NAME_train. Neither a label of an unseen class nor a test image is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.data import DatasetCatalog, MetadataCatalog
from ..runtime.settings import is_whole
from ..vocabulary import IGNORE, Vocabulary
from .mapper import LABEL_READER, Sample, SampleReader

KEYS = ("of", "held_out", "images")


@dataclass(frozen=True)
class HeldOut:
    """
    Attributes:
        file: that says so.
        of: name of a registered dataset.
        vocabulary: its seen names; those that are held out are unseen.
        images: how many of its last images are "val".
    """

    file: Path
    of: str
    vocabulary: Vocabulary
    images: int

    parts = ("train", "val")

    @classmethod
    def read(cls, file: Path, given: Mapping[str, Any], base: Vocabulary) -> HeldOut:
        """
        Args:
            given: what the file says, KEYS and nothing else.
            base: of the dataset `of`.

        Raises:
            ValueError: names that are not seen, all of them held out, or no number of images; the
                file is named.
        """
        names, images = given["held_out"], given["images"]
        if not isinstance(names, list) or not names or not set(names) < set(base.seen):
            raise ValueError(
                f"{file}: held_out is {names!r}; expected some, and not all, of the seen names of "
                f"{given['of']}: {', '.join(base.seen)}."
            )
        if not is_whole(images) or images < 1:
            raise ValueError(f"{file}: images is {images!r}; expected a number of images.")
        seen = base.only_seen()
        is_seen = tuple(name not in names for name in seen.names)
        vocabulary = Vocabulary(seen.names, is_seen, seen.synonyms)
        return cls(Path(file), given["of"], vocabulary, images)

    @property
    def name(self) -> str:
        return self.file.stem

    def samples(self, part: str) -> list[Sample]:
        """
        The dataset dicts of a part. Raises ValueError if there are too few images for two parts.
        """
        samples = DatasetCatalog.get(self.of)
        if len(samples) <= self.images:
            raise ValueError(
                f"{self.file}: {self.of} has {len(samples)} images, of which {self.images} cannot "
                "be left out."
            )
        first = len(samples) - self.images
        chosen = samples[:first] if part == "train" else samples[first:]
        return [{**sample, LABEL_READER: partial(self._labels, sample)} for sample in chosen]

    def metadata(self) -> dict[str, Any]:
        """What is known of both parts."""
        base = MetadataCatalog.get(self.of)
        kept = self.vocabulary.names
        known: dict[str, Any] = {
            "stuff_classes": list(kept),
            "unseen": list(self.vocabulary.unseen),
            "prompts": {k: v for k, v in (base.get("prompts") or {}).items() if k in kept},
            "ignore_label": base.ignore_label,
            "evaluator_type": "sem_seg",
        }
        if base.get("palette"):
            known["palette"] = [base.palette[base.stuff_classes.index(name)] for name in kept]
        return known

    def _labels(self, sample: Sample) -> np.ndarray:
        return self._table[self._reader.labels(sample)]

    @cached_property
    def _reader(self) -> SampleReader:
        return SampleReader.of_dataset(self.of)

    @cached_property
    def _table(self) -> np.ndarray:
        """Label in the dataset -> label here, or the dataset's ignore label."""
        table = self._reader.vocabulary.remap(self.vocabulary)
        return np.where(table == IGNORE, self._reader.ignore_label, table)
