"""What every readout gives: an image's scores at any size, in slices of classes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ..registry import READOUT_REGISTRY
from ..runtime.config import CfgNode
from ..scene import Scene
from ..text import TextBank
from .maps import ClassMaps, ScoreMaps, Size


@dataclass(frozen=True)
class Prepared:
    """
    What a readout knows about a batch before anybody has said at which size to read it.

    Attributes:
        scene: as given, or with regions as the readout sees them.
        scores: of regions (B, N, K) or of cells (B, K, h, w), as the readout that made it has them.
    """

    scene: Scene
    scores: Tensor

    @property
    def num_classes(self) -> int:
        return self.scene.is_seen.shape[1]


class Readout(nn.Module):
    """A readout implements `prepare` and `maps`; the rest follows."""

    def prepare(self, scene: Scene, logits: list[Tensor]) -> Prepared:
        """
        Does what is done once a batch.

        Args:
            logits: what the naming said of every grouping in the list, (B, N, K) or (B, N, K+1);
                the last is the final one.
        """
        raise NotImplementedError

    def maps(self, prepared: Prepared, image: int, size: Size) -> ClassMaps:
        """One image's score maps at one size; what all classes share is computed here, once."""
        raise NotImplementedError

    def read(self, prepared: Prepared, image: int, size: Size) -> ScoreMaps:
        """One image's scores at one size."""
        return ScoreMaps(self.maps(prepared, image, size), prepared.num_classes, size)

    def read_grid(self, prepared: Prepared, image: int) -> ScoreMaps:
        """
        One image's scores on the grid of its regions; nothing is resized.

        Raises:
            ValueError: regions that are masks, or a grid that holds padding.
        """
        raise ValueError(
            f"{type(self).__name__} paints masks at any size and has no grid of its own; only "
            "methods that name pixels can be compared at the resolution of their features."
        )


def build_readout(cfg: CfgNode, text: TextBank) -> Readout:
    """The readout MODEL.READOUT.NAME; `text` lends its encoder to refiners that read names."""
    return READOUT_REGISTRY.get(cfg.MODEL.READOUT.NAME)(cfg, text)
