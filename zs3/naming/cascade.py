"""
Names by cascaded alignment: Cascade-CLIP (arXiv 2406.00670), and ZegCLIP (arXiv 2212.03588), which
is the same with a single stage.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..grouping.attention import BlockSpec
from ..nearest import did_you_mean
from ..regions import Regions
from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode, configurable
from .aggregation import GaussianAggregation, NaiveSum
from .alignment import AlignmentDecoder
from .text_space import class_matrix

_AGGREGATIONS = ("gaussian", "sum")


@NAMING_REGISTRY.register()
class CascadeNaming(nn.Module):
    """
    Classes ask several levels of the regions, each through a decoder of its own, and add up what
    they find: logit(n, k) = sum_s decoder_s(W_s [g * t_k, t_k], memory_s)(k, n).

    [g * t_k, t_k] is the relationship descriptor: the text t_k of a class, and its product with the
    summary g of the image. Nothing in here belongs to a class.

    Args:
        in_dim: width of the regions' embeddings, which are the last stage's memory.
        dim: width D of text, summary and levels.
        aggregation: regions -> one memory a stage.
        scale: multiplies text, summary and memories, which have unit length; sqrt(D) gives their
            entries unit variance. The published 1 learns slowly.
        layers: of each decoder.
        heads, dim_feedforward, dropout: of their layers.
        with_void: append a learned (K+1)-th logit, void being one more text. Set criteria need it,
            criteria of pixels do not.
    """

    @configurable
    def __init__(
        self,
        *,
        in_dim: int,
        dim: int,
        aggregation: GaussianAggregation | NaiveSum,
        scale: float = 1.0,
        layers: int = 3,
        heads: int = 8,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        with_void: bool = False,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.aggregation = aggregation
        self.scale = scale
        spec = BlockSpec(dim, heads, dim_feedforward, dropout)
        stages = aggregation.num_stages
        self.queries = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(stages))
        self.decoders = nn.ModuleList(
            AlignmentDecoder(layers, spec, in_dim if stage == stages - 1 else dim)
            for stage in range(stages)
        )
        self.void = nn.Parameter(torch.empty(1, dim)) if with_void else None
        if self.void is not None:
            nn.init.uniform_(self.void, -(dim**-0.5), dim**-0.5)

    @classmethod
    def from_config(cls, cfg: CfgNode, embedding_dim: int, text_dim: int) -> dict[str, Any]:
        cascade = cfg.MODEL.CASCADE
        name = cascade.AGGREGATION
        if name not in _AGGREGATIONS:
            raise ValueError(
                f"MODEL.CASCADE.AGGREGATION is {name!r}; expected one of "
                f"{', '.join(_AGGREGATIONS)}.{did_you_mean(name, _AGGREGATIONS)}"
            )
        gaussian = name == "gaussian"
        return {
            "in_dim": embedding_dim,
            "dim": text_dim,
            "aggregation": GaussianAggregation(cascade.STAGES, cascade.SIGMA)
            if gaussian
            else NaiveSum(),
            "scale": cascade.SCALE,
            "layers": cascade.LAYERS,
            "heads": cascade.NHEADS,
            "dim_feedforward": cascade.DIM_FEEDFORWARD,
            "dropout": cascade.DROPOUT,
            "with_void": cfg.MODEL.NAMING.WITH_VOID,
        }

    def forward(self, regions: Regions, text: Tensor) -> Tensor:
        """
        Args:
            regions: embeddings (B, N, in_dim), levels (B, N, D) and summary (B, D).
            text: (K, P, D), or (B, K, P, D) if every image brings its own names; the mean over P.

        Returns:
            Tensor: (B, N, K) logits, or (B, N, K+1) with void last.

        Raises:
            ValueError: regions without a summary, or a summary or levels of another width.
        """
        widths = [level.shape[-1] for level in regions.levels]
        if regions.summary is None or {*widths, regions.summary.shape[-1]} != {self.dim}:
            given = "no summary" if regions.summary is None else regions.summary.shape[-1]
            raise ValueError(
                f"regions have levels of width {widths} and {given} as the summary's, but the text "
                f"has {self.dim}; take features of that width as MODEL.GROUPING.LEVELS and "
                "MODEL.GROUPING.SUMMARY, or project them (MODEL.GROUPING.LEVEL_DIM)."
            )
        classes = self.scale * class_matrix(text, self.dim)
        if self.void is not None:
            classes = torch.cat((classes, self.void.expand(*classes.shape[:-2], 1, -1)), dim=-2)
        descriptor = relationship_descriptor(classes, self.scale * regions.summary)
        stages = zip(self.queries, self.decoders, self.aggregation(regions), strict=True)
        logits = [
            decoder(to_query(descriptor), self.scale * memory)
            for to_query, decoder, memory in stages
        ]
        return torch.stack(logits).sum(0).mT


def relationship_descriptor(classes: Tensor, summary: Tensor) -> Tensor:
    """
    What a class is, and what it is to this image (ZegCLIP, section 3.4).

    Args:
        classes: (K, D) or (B, K, D).
        summary: (B, D).

    Returns:
        Tensor: (B, K, 2 D), the product first.
    """
    product = summary[:, None] * classes
    return torch.cat((product, classes.expand_as(product)), dim=-1)
