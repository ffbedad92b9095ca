"""The inductive setting: unseen names are not known in training."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..regions import Regions
from ..registry import LABEL_POLICY_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import Vocabulary
from .labels import remapped, the_only


@LABEL_POLICY_REGISTRY.register()
class Inductive:
    """
    Seen names only: unseen ones are not known yet.

    Unseen pixels become ignore, not background: the model must not be told they are nothing.
    """

    @configurable
    def __init__(self) -> None: ...

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, object]:
        return {}

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        """
        Args:
            vocabularies: one for the whole batch, or one an image.
            labels: (H, W) int64 of each image, in its full vocabulary; other values are no class.

        Returns:
            the vocabularies to ask about, one for the batch or one an image, and the labels in
            them, IGNORE where they do not have the class.

        Raises:
            ValueError: images with different vocabularies.
        """
        full = the_only(vocabularies)
        seen = full.only_seen()
        return (seen,), remapped(labels, full, seen)

    def complete(
        self, asked: Sequence[Vocabulary], targets: Tensor, regions: Regions, logits: Tensor
    ) -> Tensor:
        """
        The targets, once it is known what the model itself says.

        Args:
            asked: as `ask` returned them.
            targets: (B, H, W) int64, as asked, padded with IGNORE.
            regions: the final ones.
            logits: (B, N, K) or (B, N, K+1) of them.

        Returns:
            Tensor: (B, H, W); here they need no completion.
        """
        return targets
