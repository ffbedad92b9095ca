"""
Masks compared at random points: Mask2Former (arXiv 2112.01527, section 3.3).

Points are (x, y) in 0..1 from edge to edge, the same place on maps of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .segments import Segments


class SampledPoints:
    """
    A `Comparison` at P points. For the matching they are uniform, and anew for each image and
    layer. For the losses every pair has its own: mostly those of many uniform ones where the
    prediction is least certain (PointRend, arXiv 1912.08193, section 3.1), the rest uniform.

    Args:
        num_points: P.
        oversample_ratio: this many times P are drawn for the uncertain ones to be chosen from.
        importance_sample_ratio: share of P that is chosen so.
        draw: `draw(*shape, device=device)`, uniform in 0..1.

    Raises:
        ValueError: no points, a ratio below 1 of the former or outside 0..1 of the latter.
    """

    def __init__(
        self,
        *,
        num_points: int,
        oversample_ratio: float = 3.0,
        importance_sample_ratio: float = 0.75,
        draw: Callable[..., Tensor] = torch.rand,
    ) -> None:
        if num_points < 1 or oversample_ratio < 1 or not 0 <= importance_sample_ratio <= 1:
            raise ValueError(
                f"cannot compare masks at {num_points} points with OVERSAMPLE_RATIO "
                f"{oversample_ratio} and IMPORTANCE_SAMPLE_RATIO {importance_sample_ratio}; "
                "expected at least one point, at least 1, and 0..1."
            )
        self.num_points = num_points
        self.num_candidates = int(num_points * oversample_ratio)
        self.num_uncertain = int(num_points * importance_sample_ratio)
        self.draw = draw

    def for_matching(
        self, layers: Sequence[Tensor], segments: Segments
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for masks in layers:
            points = self.draw(len(masks), self.num_points, 2, device=masks.device)
            of_segments = [
                own.expand(count, -1, -1)
                for own, count in zip(points, segments.counts, strict=True)
            ]
            targets = sample(segments.masks[:, None], torch.cat(of_segments))[:, 0]
            yield sample(masks.float(), points), segments.by_image(targets)

    def for_losses(self, masks: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        masks, targets = masks[:, None].float(), targets[:, None]
        points = self._choose(masks.detach())
        return sample(masks, points)[:, 0], sample(targets, points)[:, 0]

    def _choose(self, masks: Tensor) -> Tensor:
        """(M, P, 2) for (M, 1, h, w) logits."""
        count, device = len(masks), masks.device
        candidates = self.draw(count, self.num_candidates, 2, device=device)
        certainty = sample(masks, candidates)[:, 0].abs()
        chosen = certainty.topk(self.num_uncertain, dim=1, largest=False, sorted=False).indices
        uncertain = candidates.gather(1, chosen[..., None].expand(-1, -1, 2))
        others = self.draw(count, self.num_points - self.num_uncertain, 2, device=device)
        return torch.cat((uncertain, others), 1)


def sample(maps: Tensor, points: Tensor) -> Tensor:
    """Bilinear samples of (N, C, h, w), zero outside, at points (N, P, 2): (N, C, P)."""
    return F.grid_sample(maps, 2 * points[:, None] - 1, align_corners=False)[:, :, 0]
