"""Settings in which the names of unseen classes are known in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..regions import Regions
from ..registry import LABEL_POLICY_REGISTRY
from ..resize import resize
from ..vocabulary import IGNORE, Vocabulary
from .inductive import Inductive
from .labels import looked_up, remapped, the_only

# Targets only: a pixel of some unseen class, which the model has yet to choose.
UNASSIGNED = IGNORE + 1


@LABEL_POLICY_REGISTRY.register()
class KnownNames(Inductive):
    """
    All names, of which the unseen ones have no pixels: methods that generate what those look like
    have a classifier for all from the start.
    """

    unseen_label = IGNORE

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        """As `Inductive`, but about all names."""
        full = the_only(vocabularies)
        table = full.remap(full)
        table[: len(full)][~np.array(full.is_seen)] = self.unseen_label
        return (full,), looked_up(labels, table)


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


@LABEL_POLICY_REGISTRY.register()
class Transductive(KnownNames):
    """
    All names, unseen ones included, but masks of seen classes only: a pixel of an unseen class
    becomes the unseen class that scores highest there at this very moment (ZegCLIP, arXiv
    2212.03588, section 3.5). No threshold, no teacher; that a pixel is of some unseen class is
    taken from its label, so background and void never become one.
    """

    unseen_label = UNASSIGNED

    @torch.no_grad()
    def complete(
        self, asked: Sequence[Vocabulary], targets: Tensor, regions: Regions, logits: Tensor
    ) -> Tensor:
        """Assigns what is UNASSIGNED, by the logits resized to the targets."""
        is_seen = torch.tensor(the_only(asked).is_seen, device=targets.device)
        (unseen,) = (~is_seen).nonzero(as_tuple=True)
        if not len(unseen):
            return targets
        _, height, width = targets.shape
        maps = resize(regions.paint(logits[..., unseen]).float(), (height, width))
        return torch.where(targets == UNASSIGNED, unseen[maps.argmax(1)], targets)
