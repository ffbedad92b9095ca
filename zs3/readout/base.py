"""
What every readout gives: an image's scores at any size, and label maps.

K full-size score maps are gigabytes for large vocabularies, so they come in slices of classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..registry import READOUT_REGISTRY
from ..runtime.config import CfgNode
from ..scene import Scene
from ..text import TextBank

Size = tuple[int, int]
# The score maps (k, H, W) of one image at one size for a slice of k classes.
ClassMaps = Callable[[slice], Tensor]


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

    def grid_maps(self, prepared: Prepared, image: int) -> ClassMaps:
        """
        One image's score maps on the grid of its regions; nothing is resized.

        Raises:
            ValueError: regions that are masks, or a grid that holds padding.
        """
        raise ValueError(
            f"{type(self).__name__} paints masks at any size and has no grid of its own; only "
            "methods that name pixels can be compared at the resolution of their features."
        )

    def scores(self, prepared: Prepared, image: int, size: Size) -> Tensor:
        """(K, H, W) score maps of all classes."""
        return self.maps(prepared, image, size)(slice(prepared.num_classes))

    def labels(self, prepared: Prepared, image: int, size: Size, chunk: int) -> Tensor:
        """(H, W) int64, the best class of every pixel; `chunk` score maps exist at a time."""
        return best_class(self.maps(prepared, image, size), prepared.num_classes, chunk)


def best_class(maps: ClassMaps, num_classes: int, chunk: int) -> Tensor:
    """
    The argmax over classes, slice by slice; the lowest class wins a tie, as with `argmax`.

    Args:
        maps: gives (k, H, W) for a slice.
        chunk: classes asked for at a time.

    Returns:
        Tensor: (H, W) int64.

    Raises:
        ValueError: a chunk below 1.
    """
    if chunk < 1:
        raise ValueError(
            f"labels are made of chunks of 1 class or more, but the chunk is {chunk}; "
            "set TEST.CLASS_CHUNK."
        )
    best, labels = maps(slice(chunk)).max(0)
    for start in range(chunk, num_classes, chunk):
        score, label = maps(slice(start, start + chunk)).max(0)
        labels = torch.where(score > best, label + start, labels)
        best = torch.maximum(best, score)
    return labels


def resize(maps: Tensor, size: Size) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W), bilinear with half-pixel centres, without antialiasing."""
    if maps.shape[-2:] == size:
        return maps
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


def build_readout(cfg: CfgNode, text: TextBank) -> Readout:
    """The readout MODEL.READOUT.NAME; `text` lends its encoder to refiners that read names."""
    return READOUT_REGISTRY.get(cfg.MODEL.READOUT.NAME)(cfg, text)
