"""Calibrated stacking: what is added to unseen classes' chances by taking from the seen ones'."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..registry import REFINER_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..text import TextBank


@REFINER_REGISTRY.register()
class SeenBias(nn.Module):
    """
    Subtracts a constant from the scores of seen classes: score_k - gamma [k is seen].

    A model scores the classes it was trained on too high (arXiv 1605.04253, eq. 2; SPNet-c, CVPR
    2019).

    Args:
        gamma: in units of the scores it is subtracted from; 0 returns them as they are.
    """

    @configurable
    def __init__(self, *, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    @classmethod
    def from_config(cls, cfg: CfgNode, text: TextBank) -> dict[str, Any]:
        return {"gamma": cfg.MODEL.SEEN_BIAS.GAMMA}

    def forward(
        self, scores: Tensor, scene: Scene, image: int | None = None, classes: slice = slice(None)
    ) -> Tensor:
        """
        Args:
            scores: of regions (B, N, k) or maps (B, k, H, W); or, if `image` is given, that image's
                maps (k, H, W).
            image: the image `scores` belong to; None for the whole batch.
            classes: the k of the K classes `scores` are about.

        Returns:
            Tensor: like `scores`.
        """
        if self.gamma == 0:
            return scores
        seen = scene.is_seen[:, classes]
        if image is not None:
            seen = seen.expand(len(scene.images.images), -1)[image, :, None, None]
        elif scores.dim() == 4:
            seen = seen[:, :, None, None]
        else:
            seen = seen[:, None]
        return scores - self.gamma * seen
