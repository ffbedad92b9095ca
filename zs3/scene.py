"""What refiners and readouts may look at while they work on a batch. Never targets."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .images import ImageBatch
from .regions import Regions
from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Scene:
    """
    Attributes:
        images: the batch as it was read; every tower normalises its own copy.
        features: the backbone's maps by name, (B, C, h, w).
        regions: the final grouping (the last of the list a grouping returns).
        vocabularies: one for the whole batch, or one an image, all of the same size K.
        is_seen: (1, K) or (B, K) bool.
        earlier: the groupings in front of the final one, where there are several.
    """

    images: ImageBatch
    features: dict[str, Tensor]
    regions: Regions
    vocabularies: tuple[Vocabulary, ...]
    is_seen: Tensor
    earlier: tuple[Regions, ...] = ()
