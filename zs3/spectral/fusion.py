"""
What eigenvectors do to predicted maps, without labels. N = h * w cells.

All of them are ours but the rule of the best overlap, which is the published SAZS's with the
prediction in the place of the labels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

# (maps (K, h, w) of logits, eigenvectors (E, h, w), strength 0..1) -> (K, h, w).
Fusion = Callable[[Tensor, Tensor, float], Tensor]

SEGMENTS_PER_VECTOR = 3
_ROUNDS = 10


def diffusion(maps: Tensor, vectors: Tensor, strength: float) -> Tensor:
    """
    (1 - s) L + s Q Q' L: logits move towards their projection on what the eigenvectors span.

    Q is an orthonormal basis of the constant vector and the eigenvectors.
    """
    basis = torch.cat((torch.ones_like(vectors[:1]), vectors)).flatten(1).mT
    basis = torch.linalg.qr(basis)[0]
    logits = maps.flatten(1).mT
    smooth = basis @ (basis.mT @ logits)
    return torch.lerp(logits, smooth, strength).mT.unflatten(1, maps.shape[1:])


def region_voting(maps: Tensor, vectors: Tensor, strength: float) -> Tensor:
    """
    (1 - s) L + s (mean of L over the segment of a cell): cells of a segment vote on their class.

    Segments are clusters of the cells in the space of the eigenvectors.
    """
    segments = cluster(vectors.flatten(1).mT, SEGMENTS_PER_VECTOR * len(vectors))
    members = F.one_hot(segments).to(maps)  # (N, S)
    logits = maps.flatten(1).mT
    means = (members.mT @ logits) / members.sum(0).clamp(min=1)[:, None]
    return torch.lerp(logits, means[segments], strength).mT.unflatten(1, maps.shape[1:])


def best_overlap(maps: Tensor, vectors: Tensor, threshold: float) -> Tensor:
    """
    A class's mask is replaced by the eigenvector's positive or negative side that overlaps it best,
    if their IoU is at least `threshold`. Where several claim a cell, the best overlap gets it.
    """
    labels = maps.argmax(0).flatten()
    predicted = F.one_hot(labels, len(maps)).mT.bool()  # (K, N)
    iou, chosen = _overlaps(predicted, vectors)
    fused = maps.flatten(1).clone()
    for k in iou.argsort().tolist():
        if predicted[k].any() and iou[k] >= threshold:
            top, rest = fused.amax(0), fused[torch.arange(len(fused), device=maps.device) != k]
            below = rest.amax(0) if len(rest) else fused[k]
            won = torch.maximum(fused[k], top + _margin(maps))
            lost = torch.minimum(fused[k], below - _margin(maps))
            fused[k] = torch.where(chosen[k], won, lost)
    return fused.view_as(maps)


def best_overlap_of_masks(masks: Tensor, vectors: Tensor, threshold: float) -> Tensor:
    """As `best_overlap`, for mask logits (N, h, w) that do not compete: signs are replaced."""
    iou, chosen = _overlaps((masks > 0).flatten(1), vectors)
    size = masks.flatten(1).abs()
    replaced = torch.where(chosen, size, -size).view_as(masks)
    return torch.where((iou >= threshold)[:, None, None], replaced, masks)


def _overlaps(predicted: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The best IoU (K,) of masks (K, N) with a side of an eigenvector, and that side (K, N)."""
    positive = (vectors > 0).flatten(1)
    sides = torch.cat((positive, ~positive))
    shared = predicted.float() @ sides.float().mT
    union = predicted.sum(1)[:, None] + sides.sum(1) - shared
    iou, best = (shared / union.clamp(min=1)).max(1)
    return iou, sides[best]


def _margin(maps: Tensor) -> Tensor:
    """Small beside the logits, and enough to decide."""
    return 1e-3 * maps.abs().amax().clamp(min=1)


def cluster(points: Tensor, count: int) -> Tensor:
    """
    K-means that starts, without chance, from points far from each other.

    Args:
        points: (N, E), scaled here so that all coordinates count alike.
        count: clusters, at most.

    Returns:
        Tensor: (N,) int64.
    """
    points = (points - points.mean(0)) / points.std(0).clamp(min=1e-12)
    centres = points.norm(dim=1).argmax()[None]
    for _ in range(min(count, len(points)) - 1):
        farthest = torch.cdist(points, points[centres]).amin(1).argmax()
        centres = torch.cat((centres, farthest[None]))
    means = points[centres]
    for _ in range(_ROUNDS):
        labels = torch.cdist(points, means).argmin(1)
        members = F.one_hot(labels, len(means)).to(points)
        sums, sizes = members.mT @ points, members.sum(0)[:, None]
        means = torch.where(sizes > 0, sums / sizes.clamp(min=1), means)
    return torch.cdist(points, means).argmin(1)


FUSIONS: dict[str, Fusion] = {
    "best_overlap": best_overlap,
    "diffusion": diffusion,
    "region_voting": region_voting,
}
