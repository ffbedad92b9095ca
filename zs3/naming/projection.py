"""Names by inner product with text: SPNet's semantic projection (Xian et al., CVPR 2019)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..regions import Regions
from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode, configurable
from .text_space import class_matrix, text_projection


@NAMING_REGISTRY.register()
class Projection(nn.Module):
    """
    Scores regions by <projected embedding, text>, neither of them normalised here.

    Args:
        in_dim: width C of the regions' embeddings.
        dim: width D of the text.
        layers: of the perceptron from C to D; 1 is a linear map, 0 none.
    """

    @configurable
    def __init__(self, *, in_dim: int, dim: int, layers: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.projection = text_projection(in_dim, dim, layers)

    @classmethod
    def from_config(cls, cfg: CfgNode, embedding_dim: int, text_dim: int) -> dict[str, Any]:
        return {"in_dim": embedding_dim, "dim": text_dim, "layers": cfg.MODEL.NAMING.LAYERS}

    def forward(self, regions: Regions, text: Tensor) -> Tensor:
        """
        Args:
            regions: embeddings (B, N, C).
            text: (K, P, D), or (B, K, P, D) if every image brings its own names; the mean over P.

        Returns:
            Tensor: (B, N, K) logits.
        """
        return self.projection(regions.embeddings) @ class_matrix(text, self.dim).mT
