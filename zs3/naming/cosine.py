"""Names by cosine similarity with text, and a learned void (ZegFormer, arXiv 2112.07910)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode, configurable
from .text_space import class_matrix, text_projection


@NAMING_REGISTRY.register()
class TextClassifier(nn.Module):
    """
    Scores regions against the names of a vocabulary by cosine similarity.

    Classes are not parameters here: they arrive with every call, so a trained module can be asked
    about names it has never met.

    Args:
        in_dim: width C of the regions' embeddings.
        dim: width D of the shared visual-text space.
        layers: of the perceptron from C to D; 1 is a linear map, 0 none.
        temperature: divides the similarities; 0.01 in ZegFormer's released configurations.
        learn_temperature: train it, but use no less than `min_temperature`.
        with_void: append a learned (K+1)-th logit. Set criteria need it, pixel criteria do not.
        normalize_void: scale the void vector to unit length; the published model does not.

    Raises:
        ValueError: `temperature` starts below the `min_temperature` it is trained with.
    """

    @configurable
    def __init__(
        self,
        *,
        in_dim: int,
        dim: int,
        layers: int = 1,
        temperature: float = 0.01,
        learn_temperature: bool = False,
        min_temperature: float = 0.01,
        with_void: bool = True,
        normalize_void: bool = False,
    ) -> None:
        super().__init__()
        if learn_temperature and temperature < min_temperature:
            raise ValueError(
                f"temperature {temperature} is below min_temperature {min_temperature}; "
                "start at or above it."
            )
        self.dim = dim
        self.projection = text_projection(in_dim, dim, layers)
        logit_scale = torch.tensor([-math.log(temperature)])
        if learn_temperature:
            self.logit_scale = nn.Parameter(logit_scale)
            self.max_scale = 1 / min_temperature
        else:
            self.register_buffer("logit_scale", logit_scale)
            self.max_scale = math.inf
        self.void = nn.Parameter(torch.empty(1, dim)) if with_void else None
        if self.void is not None:
            nn.init.uniform_(self.void, -(dim**-0.5), dim**-0.5)
        self.normalize_void = normalize_void

    @classmethod
    def from_config(cls, cfg: CfgNode, embedding_dim: int, text_dim: int) -> dict[str, Any]:
        naming = cfg.MODEL.NAMING
        return {
            "in_dim": embedding_dim,
            "dim": text_dim,
            "layers": naming.LAYERS,
            "temperature": naming.TEMPERATURE,
            "learn_temperature": naming.LEARN_TEMPERATURE,
            "min_temperature": naming.MIN_TEMPERATURE,
            "with_void": naming.WITH_VOID,
            "normalize_void": naming.NORMALIZE_VOID,
        }

    def forward(self, regions: Regions, text: Tensor) -> Tensor:
        """
        Args:
            regions: embeddings (B, N, C), any scale.
            text: (K, P, D), or (B, K, P, D) if every image brings its own names; unit rows, usually
                P = 1; a class scores the mean over its P.

        Returns:
            Tensor: (B, N, K) logits, or (B, N, K+1) with void last.
        """
        classes = class_matrix(text, self.dim)
        if self.void is not None:
            void = F.normalize(self.void, dim=-1) if self.normalize_void else self.void
            classes = torch.cat((classes, void.expand(*classes.shape[:-2], 1, -1)), dim=-2)
        scale = self.logit_scale.exp().clamp(max=self.max_scale)
        directions = F.normalize(self.projection(regions.embeddings), dim=-1)
        return (scale * directions) @ classes.mT
