"""
What a model is asked about in training, and what the labels of its pixels are then.

A sample's labels are those of the full vocabulary. Which names a method may look at, and what
becomes of the pixels of the others, is its setting: inductive, transductive, a question of its own
for every image.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .regions import Regions
from .registry import LABEL_POLICY_REGISTRY
from .runtime.config import CfgNode, configurable
from .vocabulary import IGNORE, Vocabulary


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

    def complete(self, targets: Tensor, regions: Regions, logits: Tensor) -> Tensor:
        """
        The targets, once it is known what the model itself says.

        Args:
            targets: (B, H, W) int64, as asked, padded with IGNORE.
            regions: the final ones.
            logits: (B, N, K) or (B, N, K+1) of them.

        Returns:
            Tensor: (B, H, W); here they need no completion.
        """
        return targets


@LABEL_POLICY_REGISTRY.register()
class KnownNames(Inductive):
    """
    All names, of which the unseen ones have no pixels: methods that generate what those look like
    have a classifier for all from the start.
    """

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        full = the_only(vocabularies)
        table = torch.from_numpy(full.remap(full))
        table[: len(full)][~torch.tensor(full.is_seen)] = IGNORE
        table = table.to(labels[0].device)
        return (full,), [table[label] for label in labels]


@LABEL_POLICY_REGISTRY.register()
class AllLabels(Inductive):
    """
    All names and all labels, those of unseen classes too. ZS3Net's second stage takes the layout of
    its generated features from them; a model that learns from the pixels under them has seen all.
    """

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        full = the_only(vocabularies)
        return (full,), remapped(labels, full, full)


def the_only(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """Raises ValueError for images with different vocabularies."""
    if len(vocabularies) > 1:
        raise ValueError(
            "the images of a training batch have different vocabularies; train on one at a time."
        )
    return vocabularies[0]


def remapped(labels: Sequence[Tensor], full: Vocabulary, asked: Vocabulary) -> list[Tensor]:
    """Labels of the full vocabulary in another one, IGNORE where that lacks the name."""
    table = torch.from_numpy(full.remap(asked)).to(labels[0].device)
    return [table[label] for label in labels]


def build_label_policy(cfg: CfgNode) -> Inductive:
    """MODEL.LABEL_POLICY.NAME."""
    return LABEL_POLICY_REGISTRY.get(cfg.MODEL.LABEL_POLICY.NAME)(cfg)
