"""The two classes of a pixel between which calibration decides: its best seen, its best unseen."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..readout.maps import ScoreMaps, best_class


@dataclass(frozen=True)
class Rivals:
    """
    The best seen and the best unseen class of every pixel.

    Attributes:
        scores: (2, H, W), the seen one's first.
        labels: (2, H, W) int64.
    """

    scores: Tensor
    labels: Tensor

    @classmethod
    def of(cls, maps: ScoreMaps, is_seen: Tensor, chunk: int) -> Rivals:
        """
        Args:
            is_seen: (K,) bool; some seen and some not.
            chunk: classes whose maps are held at a time.

        Raises:
            ValueError: scores that are not a number.
        """
        halves = [half.nonzero()[:, 0] for half in (is_seen.cpu(), ~is_seen.cpu())]
        best: Rivals | None = None
        for start in range(0, len(is_seen), chunk):
            part = maps.maps(slice(start, start + chunk))
            if best is None:
                scores = part.new_full((2, *part.shape[1:]), -torch.inf)
                best = cls(scores, torch.zeros_like(scores, dtype=torch.int64))
            for half, members in enumerate(halves):
                index = members[(members >= start) & (members < start + chunk)].to(part.device)
                if len(index):
                    score, label = best_class(part[index - start])
                    higher = score > best.scores[half]
                    best.labels[half] = torch.where(higher, index[label], best.labels[half])
                    best.scores[half] = torch.maximum(score, best.scores[half])
        assert best is not None  # a vocabulary has names
        if best.scores.isnan().any():
            raise ValueError("the scores of an image contain NaN, so it has no best classes.")
        return best

    def seen_wins(self, gamma: float) -> Tensor:
        """(H, W) bool: whether the seen class is the answer; on a tie, if its index is lower."""
        seen, unseen = self.scores[0] - gamma, self.scores[1]
        return (seen > unseen) | ((seen == unseen) & (self.labels[0] < self.labels[1]))

    def answers(self, gamma: float = 0.0) -> Tensor:
        """(H, W) int64, what a model with that seen bias predicts."""
        return torch.where(self.seen_wins(gamma), self.labels[0], self.labels[1])
