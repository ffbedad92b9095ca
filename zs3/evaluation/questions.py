"""
What a model is asked about the images of a dataset, and what its answers count as.

Label maps stay as they are on the disk, and a model is only ever told names: an evaluation in which
other names compete is another question about the same images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..vocabulary import IGNORE, Vocabulary

BACKGROUND = "background"


@dataclass(frozen=True)
class Question:
    """
    Attributes:
        tested: classes of the label maps.
        asked: names that compete for every pixel; an answer is an index into them.
        scored: classes of the confusion matrix, and the split its means go by. Pixels of other
            classes are ignored.
        stand_in: the scored class that an answer counts as whose name is not scored; None: it is
            no class, and wrong wherever it is given.
        may_be_silent: an answer may also be len(asked), which is none of the names.
    """

    tested: Vocabulary
    asked: Vocabulary
    scored: Vocabulary
    stand_in: str | None = None
    may_be_silent: bool = False

    @classmethod
    def about(cls, vocabulary: Vocabulary) -> Question:
        """All names compete, and all are scored."""
        return cls(vocabulary, vocabulary, vocabulary)

    @classmethod
    def with_background(cls, tested: Vocabulary, others: Sequence[str]) -> Question:
        """Names of the class "background" compete in its place, and count as it."""
        classes = tested.only(name for name in tested.names if name != BACKGROUND)
        asked = Vocabulary(
            (*classes.names, *others),
            (*classes.is_seen, *(True for _ in others)),
            (*classes.synonyms, *((name,) for name in others)),
        )
        return cls(tested, asked, tested, stand_in=BACKGROUND)

    @property
    def num_answers(self) -> int:
        """Columns of the confusion matrix: one more than classes if an answer may be none."""
        return len(self.scored) + (self._answer_table is not None)

    def truth(self, labels: np.ndarray, ignore: int) -> np.ndarray:
        """Labels of the dataset, of which `ignore` is none -> scored classes, or IGNORE."""
        if self._truth_table is None:
            # int64: as a plain number, IGNORE would become 255 among 8-bit labels.
            return np.where(labels == ignore, np.int64(IGNORE), labels)
        return self._truth_table[labels]

    def answers(self, labels: np.ndarray) -> np.ndarray:
        """
        Answers -> scored classes, or len(scored) for none. Not copied where the two are the same.

        Raises:
            ValueError: something that is no answer.
        """
        table = self._answer_table
        if table is None:
            return labels
        if labels.size and not 0 <= labels.min() <= labels.max() < len(table):
            wrong = labels[(labels < 0) | (labels >= len(table))][0]
            raise ValueError(
                f"the prediction contains {wrong}, but {len(self.asked)} names compete; expected "
                f"0..{len(table) - 1}."
            )
        return table[labels]

    @cached_property
    def _truth_table(self) -> np.ndarray | None:
        if self.tested.names == self.scored.names:
            return None
        return self.tested.remap(self.scored)

    @cached_property
    def _answer_table(self) -> np.ndarray | None:
        if self.asked.names == self.scored.names and not self.may_be_silent:
            return None
        other = len(self.scored) if self.stand_in is None else self.scored.index(self.stand_in)
        table = self.asked.remap(self.scored)[: len(self.asked) + self.may_be_silent]
        return np.where(table == IGNORE, other, table)


# (metadata of a dataset, vocabulary of the training data if it is known) -> the question.
# Any: Detectron2's Metadata takes any attribute.
Ask = Callable[[Any, Vocabulary | None], Question]


def generalized(metadata: Any, trained: Vocabulary | None = None) -> Question:
    """All names of the dataset compete."""
    return Question.about(Vocabulary.from_metadata(metadata))


def seen_alone(metadata: Any, trained: Vocabulary | None = None) -> Question:
    """Only seen names compete, and only their pixels count."""
    return _half(metadata, "seen")


def unseen_alone(metadata: Any, trained: Vocabulary | None = None) -> Question:
    """Only unseen names compete, and only their pixels count: not generalised zero-shot."""
    return _half(metadata, "unseen")


def across_datasets(metadata: Any, trained: Vocabulary | None = None) -> Question:
    """
    All names of the dataset compete; those are seen that training has seen, whatever split the
    dataset itself has.

    Raises:
        ValueError: nobody knows what the model was trained on.
    """
    if trained is None:
        raise ValueError(
            "which names count as seen depends on the training data, which nothing tells: there is "
            "neither a vocabulary.json beside the weights nor a dataset in DATASETS.TRAIN."
        )
    return Question.about(Vocabulary.from_metadata(metadata).seen_by(trained))


def background_by_names(metadata: Any, trained: Vocabulary | None = None) -> Question:
    """
    The class "background" is not asked for by that name but by many: `background_names` in the
    metadata. Whatever answer is one of these counts as background (VOC-20b of arXiv 2303.11797).

    Raises:
        ValueError: a dataset without such a class or such names.
    """
    tested, others = Vocabulary.from_metadata(metadata), metadata.get("background_names")
    if BACKGROUND not in tested.names or not others:
        raise ValueError(
            f"dataset {metadata.name!r} cannot be asked for its background by names: it needs a "
            f"class {BACKGROUND!r} and background_names in its metadata."
        )
    return Question.with_background(tested, others)


def _half(metadata: Any, split: str) -> Question:
    tested = Vocabulary.from_metadata(metadata)
    names = tested.seen if split == "seen" else tested.unseen
    if not names:
        raise ValueError(f"dataset {metadata.name!r} has no {split} classes to ask for alone.")
    scored = tested.only(names)
    return Question(tested, scored, scored)
