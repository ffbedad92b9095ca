"""
CaGNet's classifier, which shares a layer with the discriminator of its generator (Gu et al., ACM MM
2020, section 3.4).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode, configurable
from .text_space import class_matrix

_SAME = 1e-3  # largest distance between two embeddings of one name


@NAMING_REGISTRY.register()
class Critic(nn.Module):
    """
    Names pixels, and tells real features from generated ones.

    It belongs to the vocabulary whose embeddings it keeps: any of those names, in any order, can be
    asked about. In training it scores all of them, and a last one that is nobody's label.

    Args:
        in_dim: width C of the regions' embeddings.
        text_dim: width D of the text.
        num_classes: K.
        hidden: width of the shared layer.
        dropout: probability behind it; drawn anew in every call.
        patch: side of one more convolution in front of the classifier (CaGNetv2: 3); 1 for none.
    """

    vectors: Tensor

    @configurable
    def __init__(
        self,
        *,
        in_dim: int,
        text_dim: int,
        num_classes: int,
        hidden: int = 1024,
        dropout: float = 0.5,
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.dropout = dropout
        self.shared = nn.Linear(in_dim, hidden)
        self.patch = nn.Conv2d(hidden, hidden, patch, padding=patch // 2) if patch > 1 else None
        self.classifier = nn.Linear(hidden, num_classes + 1)
        self.realness = nn.Linear(hidden, 1)
        # Nobody's, until training says whose they are.
        self.register_buffer("vectors", torch.zeros(num_classes, text_dim))
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    @classmethod
    def from_config(cls, cfg: CfgNode, embedding_dim: int, text_dim: int) -> dict[str, Any]:
        critic = cfg.MODEL.CRITIC
        return {
            "in_dim": embedding_dim,
            "text_dim": text_dim,
            "num_classes": cfg.MODEL.NAMING.NUM_CLASSES,
            "hidden": critic.HIDDEN_DIM,
            "dropout": critic.DROPOUT,
            "patch": critic.PATCH,
        }

    def forward(self, regions: Regions, text: Tensor) -> Tensor:
        """
        Args:
            regions: embeddings (B, N, C) of pixels.
            text: (K, P, D) or (B, K, P, D).

        Returns:
            Tensor: (B, N, K) logits of the names asked about; in training (B, N, K+1), in the order
                of its own vocabulary.

        Raises:
            ValueError: names it was not trained for.
        """
        logits = self.classify(regions.embeddings, regions.grid)
        if self.training:
            return logits
        rows = self._rows(class_matrix(text, self.vectors.shape[1]))
        if rows.dim() == 1:
            return logits[..., rows]
        return logits.gather(2, rows[:, None].expand(-1, logits.shape[1], -1))

    def classify(self, embeddings: Tensor, grid: tuple[int, int]) -> Tensor:
        """(B, N, C) embeddings of the cells of a grid, real or generated -> (B, N, K+1) logits."""
        x = self._shared(embeddings)
        if self.patch is not None:
            x = self.patch(x.mT.unflatten(2, grid)).flatten(2).mT
        return self.classifier(x)

    def judge(self, embeddings: Tensor) -> Tensor:
        """(..., C) embeddings -> (...), 0..1: how real they look."""
        return self.realness(self._shared(embeddings)).sigmoid().squeeze(-1)

    def own(self, text: Tensor) -> None:
        """Makes it the classifier of a vocabulary with embeddings (K, P, D)."""
        vectors = class_matrix(text, self.vectors.shape[1])
        if vectors.shape != self.vectors.shape:
            raise ValueError(
                f"this classifier is for {self.num_classes} classes, but the vocabulary has "
                f"{len(vectors)}; set MODEL.NAMING.NUM_CLASSES."
            )
        self.vectors.copy_(vectors)

    def _shared(self, embeddings: Tensor) -> Tensor:
        return F.dropout(self.shared(embeddings).relu(), self.dropout, self.training)

    def _rows(self, asked: Tensor) -> Tensor:
        """Which of its K rows each embedding (..., k, D) is: (..., k)."""
        if not self.vectors.any() and asked.shape[-2] == self.num_classes:
            rows = torch.arange(self.num_classes, device=asked.device)
            return rows.expand(asked.shape[:-1])
        distance, rows = torch.cdist(asked.float(), self.vectors).min(-1)
        strangers = int((distance > _SAME).sum())
        if strangers:
            raise ValueError(
                f"{strangers} of the names asked about are none of the {self.num_classes} this "
                "classifier was trained for; refit it from generated features: "
                "zs3 refit MODEL OUT --classes FILE."
            )
        return rows
