"""
Losses of masks: binary cross-entropy, focal (Lin et al. 2017) and dice (Milletari et al. 2016).

The first two are linear in the target t of a pixel: outside + t * (inside - outside). So targets
may be fractions, and what Q predictions would lose against T targets is one matrix product: the
criterion compares masks in pairs, the matcher all with all, both from the same two terms.

Letters: M pairs of masks, Q predicted and T target masks of an image, S pixels of a flattened mask.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

# What a pixel loses outside its target, and by how much that differs inside; shaped as the logits.
Terms = tuple[Tensor, Tensor]


def bce_terms(logits: Tensor) -> Terms:
    """Outside -log(1 - p), inside -log p, p = sigmoid(logits); their difference is the logit."""
    return F.softplus(logits), -logits


def focal_terms(logits: Tensor) -> Terms:
    """Outside -3/4 p^2 log(1 - p), inside -1/4 (1 - p)^2 log p."""
    outside = focal_outside(logits)
    return outside, 0.25 * _doubt(-logits) - outside


def focal_outside(logits: Tensor) -> Tensor:
    """The first of `focal_terms`."""
    return 0.75 * _doubt(logits)


def _doubt(logits: Tensor) -> Tensor:
    """-p^2 log(1 - p)."""
    return logits.sigmoid() ** 2 * F.softplus(logits)


_PIXEL_TERMS: dict[str, Callable[[Tensor], Terms]] = {"bce": bce_terms, "focal": focal_terms}
_OUTSIDE: dict[str, Callable[[Tensor], Tensor]] = {"bce": F.softplus, "focal": focal_outside}


def pixel_terms(name: str) -> Callable[[Tensor], Terms]:
    """The mask loss called "bce" or "focal". Raises ValueError for another name."""
    if name not in _PIXEL_TERMS:
        raise ValueError(f"unknown mask loss {name!r}; expected one of {sorted(_PIXEL_TERMS)}.")
    return _PIXEL_TERMS[name]


def outside_term(name: str) -> Callable[[Tensor], Tensor]:
    """The first of `pixel_terms` without the second."""
    return _OUTSIDE[name]


def mask_loss(terms: Terms, targets: Tensor) -> Tensor:
    """
    Mean over the pixels of each mask.

    Args:
        terms: two of (M, S), from `bce_terms` or `focal_terms`.
        targets: (M, S), 0..1.

    Returns:
        Tensor: (M,).
    """
    outside, change = terms
    return (outside.sum(1) + (change * targets).sum(1)) / targets.shape[1]


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - (2 |p t| + 1) / (|p| + |t| + 1) of (M, S) logits and targets in 0..1: (M,)."""
    p = logits.sigmoid()
    return 1 - (2 * (p * targets).sum(1) + 1) / (p.sum(1) + targets.sum(1) + 1)


def pairwise_mask_loss(terms: Terms, targets: Tensor) -> Tensor:
    """`mask_loss` of all pairs: terms (B, Q, S), targets (B, T, S) -> (B, Q, T)."""
    outside, change = terms
    return (outside.sum(2, keepdim=True) + change @ targets.mT) / targets.shape[2]


def pairwise_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """`dice_loss` of all pairs: logits (B, Q, S), targets (B, T, S) -> (B, Q, T)."""
    p = logits.sigmoid()
    return 1 - (2 * p @ targets.mT + 1) / (p.sum(2, keepdim=True) + targets.sum(2)[:, None] + 1)
