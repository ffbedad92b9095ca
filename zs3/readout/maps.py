"""
Score maps that are made a slice of classes at a time.

K full-size score maps are gigabytes for large vocabularies. Whatever looks at an image several
times (at several sizes, in windows) combines such maps slice by slice, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from ..resize import resize

Size = tuple[int, int]
# The score maps (k, H, W) of one image at one size for a slice of k classes.
ClassMaps = Callable[[slice], Tensor]


@dataclass(frozen=True)
class ScoreMaps:
    """
    One image's scores.

    Attributes:
        maps: gives those of a slice of classes.
        num_classes: K.
        size: (H, W).
        order: other numbers that order the classes of a pixel as the scores do and are had for
            less, where there are such.
    """

    maps: ClassMaps
    num_classes: int
    size: Size
    order: ClassMaps | None = None

    def scores(self) -> Tensor:
        """(K, H, W), of all classes at once."""
        return self.maps(slice(self.num_classes))

    def labels(self, chunk: int) -> Tensor:
        """(H, W) int64, the best class of every pixel. As `best`."""
        return _best(self.order or self.maps, self.num_classes, chunk)[1]

    def computed(self) -> ScoreMaps:
        """
        The same with the scores of all classes at once, so that they are computed only once.

        Raises:
            ValueError: scores that are not a number.
        """
        scores = self.scores()
        _refuse_nan(scores)
        return replace(self, maps=scores.__getitem__)

    def best(self, chunk: int) -> tuple[Tensor, Tensor]:
        """
        The best score of every pixel and its class; the lowest wins a tie, as with `argmax`. Where
        there is an `order`, it decides: scores may be equal that it still tells apart.

        Args:
            chunk: score maps that exist at a time.

        Returns:
            (H, W) scores and (H, W) int64 labels.

        Raises:
            ValueError: a chunk below 1, or scores that are not a number.
        """
        score, label = _best(self.maps, self.num_classes, chunk)
        return score, self.labels(chunk) if self.order else label

    def softmax(self, chunk: int) -> ScoreMaps:
        """
        Of logits: their softmax over the classes.

        Args:
            chunk: maps that exist at a time while the denominator is summed up.
        """

        @cache
        def total() -> Tensor:
            """The denominator's logarithm, once and only if scores are asked for."""
            summed = self.maps(slice(chunk)).logsumexp(0)
            for start in range(chunk, self.num_classes, chunk):
                part = self.maps(slice(start, start + chunk)).logsumexp(0)
                summed = torch.logaddexp(summed, part)
            return summed

        return ScoreMaps(
            lambda classes: (self.maps(classes) - total()).exp(), self.num_classes, self.size
        )

    def mirrored(self) -> ScoreMaps:
        """Of the image's mirror image (left is right)."""
        return ScoreMaps(lambda classes: self.maps(classes).flip(-1), self.num_classes, self.size)

    def resized(self, size: Size) -> ScoreMaps:
        """Of the image at another size, bilinear."""
        if size == self.size:
            return self
        return ScoreMaps(
            lambda classes: resize(self.maps(classes)[None], size)[0], self.num_classes, size
        )

    @staticmethod
    def mean(views: Sequence[ScoreMaps]) -> ScoreMaps:
        """The mean over several looks at one image, all at the same size."""

        def maps(classes: slice) -> Tensor:
            total = views[0].maps(classes)
            for view in views[1:]:
                total = total + view.maps(classes)
            return total / len(views)

        return ScoreMaps(maps, views[0].num_classes, views[0].size)


def _best(maps: ClassMaps, num_classes: int, chunk: int) -> tuple[Tensor, Tensor]:
    if chunk < 1:
        raise ValueError(
            f"labels are made of chunks of 1 class or more, but the chunk is {chunk}; "
            "set TEST.CLASS_CHUNK."
        )
    best, labels = best_class(maps(slice(chunk)))
    for start in range(chunk, num_classes, chunk):
        score, label = best_class(maps(slice(start, start + chunk)))
        labels = torch.where(score > best, label + start, labels)
        best = torch.maximum(best, score)
    _refuse_nan(best)
    return best, labels


def _refuse_nan(scores: Tensor) -> None:
    if scores.isnan().any():
        raise ValueError("the scores of an image contain NaN, so it has no best classes.")


def best_class(scores: Tensor) -> tuple[Tensor, Tensor]:
    """
    As `scores.max(0)` of (K, H, W), which takes 2.5 times as long on a CPU for 171 classes.
    """
    if scores.device.type != "cpu":
        return scores.max(0)
    best, labels = scores[0], torch.zeros(scores.shape[1:], dtype=torch.int16)
    for number, score in enumerate(scores[1:], 1):
        labels = torch.where(score > best, number, labels)
        best = torch.maximum(best, score)
    return best, labels.long()
