"""Cross-entropy at the size of the labels, with ZS3Net's options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ..generation import Generator, GraphGenerator
from ..generation.generators import xavier
from ..regions import Regions
from ..registry import CRITERION_REGISTRY
from ..resize import resize
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE


@CRITERION_REGISTRY.register()
class ResizedCrossEntropy(nn.Module):
    """
    Logits are resized to the labels with corners aligned; the mean over labelled pixels is divided
    by the number of images once more, as published, which only scales the learning rate.
    """

    needs_void = False

    @configurable
    def __init__(self) -> None:
        super().__init__()

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        return {}

    def forward(
        self, regions: Sequence[Regions], logits: Sequence[Tensor], targets: Tensor
    ) -> dict[str, Tensor]:
        """
        Args:
            regions: pixels; the last grouping counts.
            logits: their (B, N, K).
            targets: (B, H, W) int64 labels 0..K-1, or IGNORE.

        Returns:
            dict: scalar loss_ce.
        """
        return {"loss_ce": resized_loss(regions[-1].paint(logits[-1]), targets)}


@CRITERION_REGISTRY.register()
class MatchingCriterion(ResizedCrossEntropy):
    """
    The same for a model whose classifier a `MatchingStep` trains, with the generators that step
    trains beside it.

    Args:
        generator: (text, noise) -> features of a pixel.
        graph_generator: the same for the regions of a label map; None for none.
    """

    @configurable
    def __init__(
        self, *, generator: Generator, graph_generator: GraphGenerator | None = None
    ) -> None:
        super().__init__()
        self.generator = generator
        self.graph_generator = graph_generator

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        options = cfg.MODEL.GENERATOR
        dims = {
            "text_dim": options.TEXT_DIM,
            "noise_dim": options.NOISE_DIM,
            "feature_dim": options.FEATURE_DIM,
        }
        generator = Generator(
            **dims, hidden=options.HIDDEN, dropout=options.DROPOUT, bounded=False, init=xavier
        )
        graph = GraphGenerator(**dims) if options.GRAPH else None
        return {"generator": generator, "graph_generator": graph}


def resized_loss(
    maps: Tensor, targets: Tensor, weights: Tensor | None = None, focus: float = 0.0
) -> Tensor:
    """
    Args:
        maps: (B, K, h, w) logits.
        targets: (B, H, W) labels.
        weights: (K,) of the classes.
        focus: exponent g of the focal form 0.5 (1 - exp(-x))^g x of the mean x; 0 for x itself.
    """
    size = (targets.shape[1], targets.shape[2])
    logits = resize(maps.float(), size, align_corners=True)
    mean = F.cross_entropy(logits, targets, weights, ignore_index=IGNORE)
    if focus:
        mean = 0.5 * (1 - (-mean).exp()) ** focus * mean
    return mean / len(maps)
