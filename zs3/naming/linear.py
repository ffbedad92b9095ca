"""A classifier that belongs to one vocabulary: MaskFormer's; generative methods retrain theirs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..regions import Regions
from ..registry import NAMING_REGISTRY
from ..runtime.config import CfgNode, configurable


@NAMING_REGISTRY.register()
class Linear(nn.Module):
    """
    Args:
        in_dim: width C of the regions' embeddings.
        num_classes: K, of the vocabulary it is trained for.
        with_void: append a (K+1)-th logit.
    """

    @configurable
    def __init__(self, *, in_dim: int, num_classes: int, with_void: bool = True) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.linear = nn.Linear(in_dim, num_classes + with_void)

    @classmethod
    def from_config(cls, cfg: CfgNode, embedding_dim: int, text_dim: int) -> dict[str, Any]:
        naming = cfg.MODEL.NAMING
        return {
            "in_dim": embedding_dim,
            "num_classes": naming.NUM_CLASSES,
            "with_void": naming.WITH_VOID,
        }

    def forward(self, regions: Regions, text: Tensor) -> Tensor:
        """
        Args:
            regions: embeddings (B, N, C).
            text: (K, P, D) or (B, K, P, D); only K is looked at.

        Returns:
            Tensor: (B, N, K) logits, or (B, N, K+1) with void last.

        Raises:
            ValueError: text of another number of classes.
        """
        if text.shape[-3] != self.num_classes:
            raise ValueError(
                f"this classifier was trained for {self.num_classes} classes and is asked about "
                f"{text.shape[-3]}; use its own vocabulary, or a naming that reads text, or if the "
                "model generates features, refit it: zs3 refit MODEL OUT --classes FILE."
            )
        return self.linear(regions.embeddings)
