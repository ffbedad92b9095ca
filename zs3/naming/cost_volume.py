"""The cost volume: cosines of all cells, classes and templates (CAT-Seg, arXiv 2303.11797)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode, configurable


@NAMING_REGISTRY.register()
class CostVolume(nn.Module):
    """
    Nothing is learned, and templates stay apart: for `CostAggregation`.

    Args:
        in_dim: width of the regions' embeddings.
        dim: width D of the text.

    Raises:
        ValueError: two different widths.
    """

    @configurable
    def __init__(self, *, in_dim: int, dim: int) -> None:
        super().__init__()
        if in_dim != dim:
            raise ValueError(
                f"CostVolume compares embeddings of width {in_dim} with text of width {dim}; take "
                'the same CLIP for both (MODEL.PIXEL_DECODER.IN_FEATURES ["clip"]).'
            )

    @classmethod
    def from_config(cls, cfg: CfgNode, embedding_dim: int, text_dim: int) -> dict[str, Any]:
        """
        Raises:
            ValueError: nobody makes one logit a class of the templates.
        """
        if not cfg.MODEL.AGGREGATION.NAME:
            raise ValueError(
                "CostVolume keeps the templates apart for an aggregation; set "
                "MODEL.AGGREGATION.NAME CostAggregation, or take TextClassifier with LAYERS 0."
            )
        return {"in_dim": embedding_dim, "dim": text_dim}

    def forward(self, regions: Regions, text: Tensor) -> Tensor:
        """
        Args:
            regions: embeddings (B, N, D), any scale.
            text: (K, P, D), or (B, K, P, D) if every image brings its own names.

        Returns:
            Tensor: (B, N, K, P) in -1..1.
        """
        cells = F.normalize(regions.embeddings, dim=-1)
        names = F.normalize(text, dim=-1)
        return (cells @ names.flatten(-3, -2).mT).unflatten(-1, text.shape[-3:-1])
