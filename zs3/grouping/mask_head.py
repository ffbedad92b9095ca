"""A query's mask: inner products with every pixel (arXiv 2107.06278, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

from ..mlp import mlp
from ..regions import Regions


class MaskHead(nn.Module):
    """
    Args:
        dim: width C of the queries.
        mask_dim: width of the mask features.
    """

    def __init__(self, dim: int, mask_dim: int) -> None:
        super().__init__()
        self.mlp = mlp(dim, dim, dim, mask_dim)

    def forward(self, queries: Tensor, mask_features: Tensor) -> Regions:
        """(B, N, C) queries and (B, mask_dim, h, w) features -> N regions an image."""
        grid = (mask_features.shape[2], mask_features.shape[3])
        return Regions(queries, grid, masks=self.logits(queries, mask_features))

    def logits(self, queries: Tensor, mask_features: Tensor) -> Tensor:
        """The masks alone, (B, N, h, w)."""
        logits = self.mlp(queries) @ mask_features.flatten(2)
        return logits.unflatten(2, mask_features.shape[2:])
