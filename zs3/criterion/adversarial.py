"""
What a critic and a generator want of each other: losses on the critic's scores, in 0..1.

Names are those of CaGNet's configurations. Its "lsgan" is in fact an L1 loss, and its Wasserstein
critics are bounded by a sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Adversary:
    """
    One kind of game. Each loss is a mean over the scores (M,) it is given.

    Attributes:
        of_real, of_fake: the critic's, on scores of real and of generated features.
        of_generator: the generator's, on scores of what it has generated.
    """

    of_real: Callable[[Tensor], Tensor]
    of_fake: Callable[[Tensor], Tensor]
    of_generator: Callable[[Tensor], Tensor]


def _distance(to: float) -> Callable[[Tensor], Tensor]:
    return lambda scores: (scores - to).abs().mean()


def _cross_entropy(to: float) -> Callable[[Tensor], Tensor]:
    return lambda scores: F.binary_cross_entropy(scores, torch.full_like(scores, to))


def _mean(sign: int) -> Callable[[Tensor], Tensor]:
    return lambda scores: sign * scores.mean()


_WASSERSTEIN = Adversary(_mean(-1), _mean(1), _mean(-1))
ADVERSARIES = {
    "lsgan": Adversary(_distance(1), _distance(0), _distance(1)),
    "gan": Adversary(_cross_entropy(1), _cross_entropy(0), _cross_entropy(1)),
    "wgan": _WASSERSTEIN,
    "wgan-gp": _WASSERSTEIN,  # with `gradient_penalty`
}


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    labelled: Tensor,
    share: Tensor | None = None,
) -> Tensor:
    """
    Mean over images of (|gradient| - 1)^2 between real and generated features (Gulrajani et al.,
    arXiv 1704.00028).

    Args:
        critic: features (B, N, C) -> scores.
        real, fake: (B, N, C).
        labelled: (B, N) bool; the gradient is 0 elsewhere.
        share: (B, 1, 1) of the real features in each image's mixture; drawn if left out.
    """
    if share is None:
        share = torch.rand(len(real), 1, 1, device=real.device)
    mixture = (share * real + (1 - share) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixture).sum(), mixture, create_graph=True)
    norms = (gradient * labelled[..., None]).flatten(1).norm(dim=1)
    return (norms - 1).square().mean()
