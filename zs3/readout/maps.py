"""
Score maps that are made a slice of classes at a time.

K full-size score maps are gigabytes for large vocabularies. Whatever looks at an image several
times (at several sizes, in windows) combines such maps slice by slice, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    """

    maps: ClassMaps
    num_classes: int
    size: Size

    def scores(self) -> Tensor:
        """(K, H, W), of all classes at once."""
        return self.maps(slice(self.num_classes))

    def labels(self, chunk: int) -> Tensor:
        """
        The best class of every pixel; the lowest wins a tie, as with `argmax`.

        Args:
            chunk: score maps that exist at a time.

        Returns:
            Tensor: (H, W) int64.

        Raises:
            ValueError: a chunk below 1, or scores that are not a number.
        """
        if chunk < 1:
            raise ValueError(
                f"labels are made of chunks of 1 class or more, but the chunk is {chunk}; "
                "set TEST.CLASS_CHUNK."
            )
        best, labels = self.maps(slice(chunk)).max(0)
        for start in range(chunk, self.num_classes, chunk):
            score, label = self.maps(slice(start, start + chunk)).max(0)
            labels = torch.where(score > best, label + start, labels)
            best = torch.maximum(best, score)
        if best.isnan().any():
            raise ValueError("the scores of an image contain NaN, so it has no best classes.")
        return labels

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
