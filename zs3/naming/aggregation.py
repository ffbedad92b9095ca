"""
How the levels of a region become the memories that decoders read, one a stage.

Cascade-CLIP (arXiv 2406.00670, section 3.3) groups neighbouring levels and keeps the groups apart;
adding all of them up is what it compares itself with.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..regions import Regions


class GaussianAggregation(nn.Module):
    """
    Neighbouring levels, weighted and added, one memory a stage; the regions' own embeddings are the
    last stage.

    The weights start as exp(-d^2 / 2 sigma^2), d being the distance from the stage's deepest level,
    and are trained without a constraint.

    Args:
        stages: how many levels each stage takes, shallow to deep; none at all leaves the embeddings
            alone, which is ZegCLIP.
        sigma: of the start, in levels.

    Raises:
        ValueError: a stage without levels.
    """

    def __init__(self, stages: Sequence[int], sigma: float = 1.0) -> None:
        super().__init__()
        if not all(count >= 1 for count in stages):
            raise ValueError(
                f"stages take {list(stages)} levels; expected 1 or more each "
                "(MODEL.CASCADE.STAGES)."
            )
        self.num_stages = len(stages) + 1
        self.weights = nn.ParameterList(
            torch.exp(-0.5 * (torch.arange(count - 1, -1, -1) / sigma) ** 2) for count in stages
        )

    def forward(self, regions: Regions) -> list[Tensor]:
        """
        Returns:
            list[Tensor]: (B, N, C) of each stage.

        Raises:
            ValueError: another number of levels than the stages take.
        """
        counts = [len(weights) for weights in self.weights]
        if len(regions.levels) != sum(counts):
            raise ValueError(
                f"the stages take {counts} levels, but regions have {len(regions.levels)}; "
                "MODEL.CASCADE.STAGES must sum up to the number of MODEL.GROUPING.LEVELS."
            )
        memories, start = [], 0
        for weights in self.weights:
            levels = torch.stack(regions.levels[start : start + len(weights)], dim=-1)
            memories.append(levels @ weights)
            start += len(weights)
        return [*memories, regions.embeddings]


class NaiveSum(nn.Module):
    """All levels and the embeddings added up, for one decoder: the ablation of the cascade."""

    num_stages = 1

    def forward(self, regions: Regions) -> list[Tensor]:
        """
        Returns:
            list[Tensor]: the only memory, (B, N, C).

        Raises:
            ValueError: levels and embeddings of different widths.
        """
        summands = [*regions.levels, regions.embeddings]
        widths = [summand.shape[-1] for summand in summands]
        if len(set(widths)) > 1:
            raise ValueError(
                f"levels and embeddings of widths {widths} cannot be added up; take features of "
                'one width, or MODEL.CASCADE.AGGREGATION "gaussian".'
            )
        return [torch.stack(summands).sum(0)]
