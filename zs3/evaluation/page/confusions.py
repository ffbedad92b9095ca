"""What a confusion matrix tells: who is mistaken for whom, and how pixels change sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .evaluated import ClassScore, Evaluation

# Rows and columns that a reader still tells apart.
_MOST_BINS = 60
_LONGEST = 22  # letters of a label
# Shares of a row (percent) below it are not drawn.
_FAINTEST = 0.5


@dataclass(frozen=True)
class Flow:
    """Where the pixels of the seen, or of the unseen, classes went: percentages that add to 100."""

    is_seen: bool
    pixels: int
    right: float
    own_side: float
    other_side: float


@dataclass(frozen=True)
class Confusion:
    """Pixels of one class that were called another, and their share of its pixels in percent."""

    truth: ClassScore
    prediction: ClassScore
    pixels: int
    share: float


@dataclass(frozen=True)
class Bin:
    """Some classes in a row, seen or unseen alike, that share a line of the heat map."""

    classes: tuple[ClassScore, ...]

    @property
    def is_seen(self) -> bool:
        return self.classes[0].is_seen

    @property
    def label(self) -> str:
        """The first name, cut short, and how many follow."""
        name, more = self.classes[0].name, len(self.classes) - 1
        cut = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        return f"{cut} +{more}" if more else cut

    @property
    def title(self) -> str:
        """The first and the last name."""
        return " … ".join(dict.fromkeys((self.classes[0].name, self.classes[-1].name)))


@dataclass(frozen=True)
class Cell:
    """Percentage of the pixels of bin `row` that were called one of bin `column`."""

    row: int
    column: int
    share: float


@dataclass(frozen=True)
class HeatMap:
    """Seen classes first, then unseen ones, in label order; binned if they are many."""

    bins: tuple[Bin, ...]
    cells: tuple[Cell, ...]


def flows(evaluation: Evaluation) -> list[Flow]:
    """Of the seen and of the unseen classes, as far as they have pixels."""
    confusion, is_seen = evaluation.confusion, evaluation.is_seen
    assert confusion is not None
    result = []
    for side in (True, False):
        rows = confusion[is_seen == side]
        own, right = rows[:, is_seen == side].sum(), np.diag(confusion)[is_seen == side].sum()
        if total := int(rows.sum()):
            shares = [100 * float(n) / total for n in (right, own - right, total - own)]
            result.append(Flow(side, total, *shares))
    return result


def top_confusions(evaluation: Evaluation, count: int = 20) -> list[Confusion]:
    """The most frequent, by pixels."""
    assert evaluation.confusion is not None
    wrong, totals = evaluation.confusion.copy(), evaluation.confusion.sum(1)
    np.fill_diagonal(wrong, 0)
    largest = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(largest, wrong.shape), strict=True)
    return [
        Confusion(
            evaluation.classes[truth],
            evaluation.classes[prediction],
            int(wrong[truth, prediction]),
            100 * float(wrong[truth, prediction] / totals[truth]),
        )
        for truth, prediction in pairs
        if wrong[truth, prediction]
    ]


def heat_map(evaluation: Evaluation, most: int = _MOST_BINS) -> HeatMap:
    """Of at most `most` bins, or one more where both seen and unseen ones do not come out even."""
    assert evaluation.confusion is not None
    order = np.argsort(~evaluation.is_seen, kind="stable")
    size = -(-len(order) // most)
    num_seen = int(evaluation.is_seen.sum())
    starts = [*range(0, num_seen, size), *range(num_seen, len(order), size)]
    ends = [*starts[1:], len(order)]
    bins = tuple(
        Bin(tuple(evaluation.classes[k] for k in order[start:end]))
        for start, end in zip(starts, ends, strict=True)
    )
    ordered = evaluation.confusion[np.ix_(order, order)]
    pixels = np.add.reduceat(np.add.reduceat(ordered, starts, axis=0), starts, axis=1)
    shares = 100 * pixels / np.maximum(pixels.sum(1, keepdims=True), 1)
    drawn = zip(*np.nonzero(shares >= _FAINTEST), strict=True)
    cells = (Cell(int(row), int(column), float(shares[row, column])) for row, column in drawn)
    return HeatMap(bins, tuple(cells))
