"""
What a model is asked about in training, and what the labels of its pixels are then.

A sample's labels are those of the full vocabulary. Which names a method may look at, and what
becomes of the pixels of the others, is its setting: inductive, transductive, a question of its own
for every image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .regions import Regions
from .registry import LABEL_POLICY_REGISTRY
from .runtime.config import CfgNode, configurable
from .vocabulary import IGNORE, Vocabulary

# Targets only: a pixel of some unseen class, which the model has yet to choose.
UNASSIGNED = IGNORE + 1


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


@LABEL_POLICY_REGISTRY.register()
class Transductive(Inductive):
    """
    All names, unseen ones included, but masks of seen classes only: a pixel of an unseen class
    becomes the unseen class that scores highest there at this very moment (ZegCLIP, arXiv
    2212.03588, section 3.5). No threshold, no teacher; that a pixel is of some unseen class is
    taken from its label, so background and void never become one.
    """

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        """As `Inductive`, but about all names, and unseen pixels are UNASSIGNED."""
        full = the_only(vocabularies)
        table = full.remap(full)
        table[: len(full)][~np.array(full.is_seen)] = UNASSIGNED
        return (full,), looked_up(labels, table)

    @torch.no_grad()
    def complete(
        self, asked: Sequence[Vocabulary], targets: Tensor, regions: Regions, logits: Tensor
    ) -> Tensor:
        """Assigns what is UNASSIGNED, by the logits resized to the targets."""
        is_seen = torch.tensor(the_only(asked).is_seen, device=targets.device)
        (unseen,) = (~is_seen).nonzero(as_tuple=True)
        if not len(unseen):
            return targets
        maps = regions.paint(logits[..., unseen]).float()
        maps = F.interpolate(maps, targets.shape[1:], mode="bilinear", align_corners=False)
        return torch.where(targets == UNASSIGNED, unseen[maps.argmax(1)], targets)


def the_only(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The vocabulary that the images of a batch share. Raises ValueError if they do not."""
    if len(vocabularies) > 1:
        raise ValueError(
            "the images of a training batch have different vocabularies; train on one at a time."
        )
    return vocabularies[0]


def remapped(labels: Sequence[Tensor], full: Vocabulary, asked: Vocabulary) -> list[Tensor]:
    """Labels of the full vocabulary in another one, IGNORE where that lacks the name."""
    return looked_up(labels, full.remap(asked))


def looked_up(labels: Sequence[Tensor], table: np.ndarray) -> list[Tensor]:
    """table[label] of every label map; a table as `Vocabulary.remap` gives it."""
    rows = torch.from_numpy(table).to(labels[0].device)
    return [rows[label] for label in labels]


def build_label_policy(cfg: CfgNode) -> Inductive:
    """MODEL.LABEL_POLICY.NAME."""
    return LABEL_POLICY_REGISTRY.get(cfg.MODEL.LABEL_POLICY.NAME)(cfg)
