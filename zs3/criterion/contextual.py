"""What CaGNet's backbone is trained for, and the generator that is trained beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..generation import Generator
from ..generation.context import code_divergence
from ..grouping.contextual import ContextualRegions
from ..regions import Regions
from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE
from .grid import at_grid, cell_loss


@CRITERION_REGISTRY.register()
class ContextualCriterion(nn.Module):
    """
    Cross-entropy of every scale, and how far latent codes are from the standard normal distribution
    (Gu et al., ACM MM 2020, eq. 2 and 7).

    The generator is held here since it is only there to be trained with, or to train others; a
    `GenerativeStep` asks it.

    Args:
        generator: (text, code) -> features of a pixel.
        class_weight: factor on the mean of the scales' cross-entropies.
        divergence_weight: factor on the divergence.
    """

    needs_void = True

    @configurable
    def __init__(
        self,
        *,
        generator: Generator,
        class_weight: float = 0.5,
        divergence_weight: float = 100.0,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.class_weight = class_weight
        self.divergence_weight = divergence_weight

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        options = cfg.MODEL.GENERATOR
        return {
            "generator": Generator(
                text_dim=options.TEXT_DIM,
                noise_dim=options.FEATURE_DIM,  # the code has the width of the features
                feature_dim=options.FEATURE_DIM,
                hidden=options.HIDDEN,
                dropout=options.DROPOUT,
                bounded=True,
            ),
            "class_weight": cfg.MODEL.CRITERION.CLASS_WEIGHT,
            "divergence_weight": cfg.MODEL.CRITERION.DIVERGENCE_WEIGHT,
        }

    def forward(
        self, regions: Sequence[Regions], logits: Sequence[Tensor], targets: Tensor
    ) -> dict[str, Tensor]:
        """
        Args:
            regions: of every scale; `ContextualRegions` last.
            logits: their (B, N, K+1).
            targets: (B, H, W) int64 labels 0..K-1, or IGNORE.

        Returns:
            dict: weighted scalars loss_ce and loss_divergence.
        """
        losses = [
            cell_loss(logit, at_grid(targets, group.grid))
            for group, logit in zip(regions, logits, strict=True)
        ]
        final = regions[-1]
        assert isinstance(final, ContextualRegions)
        mean, log_variance = (
            Regions.of_pixels(maps).embeddings
            for maps in (final.context.mean, final.context.log_variance)
        )
        labelled = at_grid(targets, final.grid) != IGNORE
        divergence = code_divergence(mean, log_variance, labelled)
        return {
            "loss_ce": self.class_weight * torch.stack(losses).mean(),
            "loss_divergence": self.divergence_weight * divergence,
        }
