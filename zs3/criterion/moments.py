"""
Maximum mean discrepancy: how far generated features are from real ones, as distributions.

Generative moment matching (Li et al., arXiv 1502.02761), as ZS3Net and CaGNet train generators.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

CAGNET_BANDWIDTHS = (2, 5, 10, 20, 40, 60)
ZS3NET_BANDWIDTHS = (2, 5, 10, 20, 40, 80)


def squared_mmd(fake: Tensor, real: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """
    mean k(f, f') + mean k(r, r') - 2 mean k(f, r), with k the sum of exp(-|x - y|^2 / 2s) over the
    bandwidths s.

    Args:
        fake: (..., M, C).
        real: (..., N, C).

    Returns:
        Tensor: (...); rounding may leave it below 0.
    """
    both = torch.cat((fake, real), dim=-2)
    counts = [fake.shape[-2], real.shape[-2]]
    weights = torch.cat(
        [both.new_full((n,), by / n) for n, by in zip(counts, (1, -1), strict=True)]
    )
    squares = both.square().sum(-1) / 2
    exponents = both @ both.mT - squares[..., :, None] - squares[..., None, :]
    kernel = torch.stack([(exponents / s).exp() for s in bandwidths]).sum(0)
    return torch.einsum("...mn,m,n->...", kernel, weights, weights)


def moment_matching(
    fake: Tensor, real: Tensor, bandwidths: Sequence[float] = ZS3NET_BANDWIDTHS
) -> Tensor:
    """ZS3Net's loss: the root of the squared discrepancy of (M, C) and (N, C)."""
    return squared_mmd(fake, real, bandwidths).sqrt()


def run_matching(fake: Tensor, real: Tensor, labels: Tensor, *, root: bool = True) -> Tensor:
    """
    CaGNet's loss: the mean, over runs of equal labels, of the root of half the squared discrepancy.

    A run is what is consecutive in raster order, across rows and images: not all pixels of a class.
    So a class in many pieces weighs more.

    Args:
        fake, real: (M, C) features of the labelled pixels of a batch, in raster order.
        labels: (M,) of them.
        root: take it; a value that is not positive counts as 0.
    """
    runs, lengths = torch.unique_consecutive(labels, return_counts=True)
    starts = lengths.cumsum(0) - lengths
    total = fake.new_zeros(())
    for length in lengths.unique().tolist():
        # Runs of one length go together.
        rows = starts[lengths == length, None] + torch.arange(length, device=labels.device)
        values = squared_mmd(fake[rows], real[rows], CAGNET_BANDWIDTHS) / 2
        if root:
            positive = values > 0
            # The root of 1, and not of 0, where its gradient would be infinite.
            values = values.where(positive, 1).sqrt() * positive
        total = total + values.sum()
    return total / len(runs)
