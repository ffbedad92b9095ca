"""
Bipartite matching of queries and segments (DETR, arXiv 2005.12872, eq. 1; MaskFormer, 2107.06278).

The costs of all layers and images leave the device in one copy and are solved by SciPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from .comparison import Comparison, EveryCell
from .mask import pairwise_dice_loss, pairwise_mask_loss, pixel_terms
from .segments import Segments

# One supervised layer: class logits (B, Q, K + 1), void last, and mask logits (B, Q, h, w).
LayerOutput = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Matching:
    """
    The M pairs of one layer, in the order of the segments. A query has at most one segment; every
    segment has one query, unless an image has more segments than queries.

    Attributes:
        image, query: (M,) int64, where the prediction is.
        segment: (M,) int64, rows of `Segments`.
    """

    image: Tensor
    query: Tensor
    segment: Tensor


class HungarianMatcher:
    """
    A pair costs -class_cost * p(label) + mask_cost * mask loss + dice_cost * dice loss.

    Args:
        class_cost, mask_cost, dice_cost: the weights.
        mask_loss: "focal" or "bce".
        comparison: where masks are compared; `EveryCell` if left out.
    """

    def __init__(
        self,
        *,
        class_cost: float,
        mask_cost: float,
        dice_cost: float,
        mask_loss: str = "focal",
        comparison: Comparison | None = None,
    ) -> None:
        self.class_cost = class_cost
        self.mask_cost = mask_cost
        self.dice_cost = dice_cost
        self.pixel_terms = pixel_terms(mask_loss)
        self.comparison = comparison or EveryCell()

    @torch.no_grad()
    def __call__(self, outputs: Sequence[LayerOutput], segments: Segments) -> list[Matching]:
        """
        One matching a layer.

        Args:
            outputs: the layers; their masks are of one size.

        Raises:
            ValueError: a cost that is not finite; the message names the term.
        """
        labels = segments.by_image(segments.labels)
        compared = self.comparison.for_matching([masks for _, masks in outputs], segments)
        terms = torch.stack(
            [
                self._costs(logits, labels, *masks)
                for (logits, _), masks in zip(outputs, compared, strict=True)
            ]
        ).cpu()  # (L, 3, B, Q, T)
        if not terms.isfinite().all():
            finite = terms.isfinite().transpose(0, 1).flatten(1).all(1)
            bad = [
                name
                for name, fine in zip(("class", "mask", "dice"), finite, strict=True)
                if not fine
            ]
            raise ValueError(
                f"the {' and '.join(bad)} costs of the matching are not finite, so the predictions "
                "are not either; lower SOLVER.BASE_LR, clip gradients, or check the images."
            )
        device = segments.labels.device
        return [_assign(costs.numpy(), segments.counts, device) for costs in terms.sum(1)]

    def _costs(self, logits: Tensor, labels: Tensor, x: Tensor, targets: Tensor) -> Tensor:
        """(3, B, Q, T): the terms of every query with the segments of its image."""
        with torch.autocast(x.device.type, enabled=False):
            p = logits.float().softmax(2)
            return torch.stack(
                [
                    -self.class_cost * p.gather(2, labels[:, None].expand(-1, p.shape[1], -1)),
                    self.mask_cost * pairwise_mask_loss(self.pixel_terms(x), targets),
                    self.dice_cost * pairwise_dice_loss(x, targets),
                ]
            )


def _assign(costs: np.ndarray, counts: tuple[int, ...], device: torch.device) -> Matching:
    """Solves every image of (B, Q, T)."""
    pairs, first = [np.empty((3, 0), np.int64)], 0
    for image, count in enumerate(counts):
        # Transposed, so that SciPy returns the pairs in the order of the segments.
        segment, query = linear_sum_assignment(costs[image, :, :count].T)
        pairs.append(np.stack([np.full_like(query, image), query, first + segment]))
        first += count
    return Matching(*torch.from_numpy(np.concatenate(pairs, 1)).to(device))
