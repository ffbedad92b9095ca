"""
Boundaries of regions as targets, and the two losses on them that SAZS (arXiv 2304.08491) has from
InverseForm's boundary supervision (arXiv 2104.02745).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..vocabulary import IGNORE


def edge_map(regions: Tensor, radius: int = 2) -> Tensor:
    """
    Pixels within `radius` of the other side of a region's boundary.

    The border of the image is a boundary, too; between two pixels of no region there is none.

    Args:
        regions: (H, W) integers, one value a region, -1 where there is no region.
        radius: Euclidean, in pixels.

    Returns:
        Tensor: (H, W) bool.
    """
    height, width = regions.shape
    around = F.pad(regions, [radius] * 4, value=-1)
    edges = torch.zeros_like(regions, dtype=torch.bool)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            if (dy - radius) ** 2 + (dx - radius) ** 2 <= radius**2:
                edges |= around[dy : dy + height, dx : dx + width] != regions
    return edges


def balanced_edge_loss(logits: Tensor, edges: Tensor) -> Tensor:
    """
    Binary cross-entropy in which edges and the rest weigh the same; a mean over all cells.

    Args:
        logits: (B, h, w).
        edges: (B, h, w) bool.
    """
    share = edges.float().mean()
    weight = torch.where(edges, 1 - share, share)
    return F.binary_cross_entropy_with_logits(logits, edges.to(logits), weight)


def edge_attention_loss(
    scores: Tensor, targets: Tensor, logits: Tensor, threshold: float = 0.8
) -> Tensor:
    """
    Cross-entropy of the cells that the model itself takes for edges, rare classes weighing more.

    Class k weighs 2 - (its share of these cells in the batch). The weighted means of the images are
    added up. An image without such cells adds 0, where the published code gives NaN.

    Args:
        scores: (B, K, h, w) logits of the classes.
        targets: (B, h, w) int64, or IGNORE.
        logits: (B, h, w) of being an edge, not activated.
        threshold: cells whose logit is larger are looked at.
    """
    looked = (logits > threshold) & (targets != IGNORE)
    counts = torch.bincount(targets[looked], minlength=scores.shape[1]).to(scores)
    weights = torch.where(counts > 0, 2 - counts / counts.sum().clamp(min=1), 1.0)
    labels = targets.masked_fill(~looked, 0)
    losses = F.cross_entropy(scores, labels, weights, reduction="none") * looked
    weight = (weights[labels] * looked).sum((1, 2))
    return (losses.sum((1, 2)) / weight.clamp(min=1)).sum()
