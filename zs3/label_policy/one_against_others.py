"""A question of its own for every image: one class, or something else."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..criterion.edges import edge_map
from ..regions import Regions
from ..registry import LABEL_POLICY_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE, OTHERS, Episode, Vocabulary
from .inductive import Inductive

_EDGE_BIT = IGNORE.bit_length()


@LABEL_POLICY_REGISTRY.register()
class OneAgainstOthers(Inductive):
    """
    Every image is asked about one seen class, and "others" (SAZS, LSeg). Label 1 is the class, 0
    all others.

    An episode brings its class; of other images one that they show is drawn.

    Args:
        unlabeled_is_others: pixels without a label and pixels of unseen classes are others, too, as
            published; else they are ignored.
    """

    @configurable
    def __init__(self, *, unlabeled_is_others: bool = False) -> None:
        self.unlabeled_is_others = unlabeled_is_others

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, object]:
        return {"unlabeled_is_others": cfg.MODEL.LABEL_POLICY.UNLABELED_IS_OTHERS}

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        """As `Inductive`'s; one vocabulary of two names an image."""
        each = vocabularies if len(vocabularies) > 1 else tuple(vocabularies) * len(labels)
        wanted = [_wanted(full, label) for full, label in zip(each, labels, strict=True)]
        asked = tuple(full.against_others(name) for full, name in zip(each, wanted, strict=True))
        targets = [
            self.code(label, full, name)
            for full, label, name in zip(each, labels, wanted, strict=True)
        ]
        return asked, targets

    def code(self, label: Tensor, full: Vocabulary, wanted: str) -> Tensor:
        """What `complete` is given of a label map (H, W): here 0, 1 or IGNORE."""
        is_known = _is_class(label, full, only_seen=True)
        target = (label == full.index(wanted)).long()
        return target if self.unlabeled_is_others else target.masked_fill(~is_known, IGNORE)


@LABEL_POLICY_REGISTRY.register()
class OneAgainstOthersWithEdges(OneAgainstOthers):
    """
    As `OneAgainstOthers`, and the boundaries between all classes, for the criterion `ShapeAware`.

    Args:
        published_edges: the boundaries of unseen classes as well, and of every class but the last;
            else those of seen classes.
    """

    @configurable
    def __init__(self, *, unlabeled_is_others: bool = False, published_edges: bool = False) -> None:
        super().__init__(unlabeled_is_others=unlabeled_is_others)
        self.published_edges = published_edges

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, object]:
        edges = cfg.MODEL.LABEL_POLICY.PUBLISHED_EDGES
        return {**super().from_config(cfg), "published_edges": edges}

    def code(self, label: Tensor, full: Vocabulary, wanted: str) -> Tensor:
        """The target in the lower 16 bits, 1 above them at edges."""
        has_edges = _is_class(label, full, only_seen=not self.published_edges)
        if self.published_edges:
            has_edges &= label != len(full) - 1
        edges = edge_map(label.masked_fill(~has_edges, -1))
        return super().code(label, full, wanted) | edges.long() << _EDGE_BIT

    def complete(
        self, asked: Sequence[Vocabulary], targets: Tensor, regions: Regions, logits: Tensor
    ) -> Tensor:
        """Returns (B, 2, H, W): the targets, and 1 at edges."""
        return torch.stack((targets & IGNORE, targets >> _EDGE_BIT), 1)


def _wanted(full: Vocabulary, label: Tensor) -> str:
    """The class of an episode; else a seen one drawn among those in the label map."""
    if isinstance(full, Episode):
        return full.wanted
    names = [name for name in full.seen if full.synonyms[full.index(name)] != (OTHERS,)]
    if not names:
        raise ValueError("no class of the vocabulary is seen, so there is none to ask about.")
    shown = set(label.unique().tolist())
    candidates = [name for name in names if full.index(name) in shown] or names
    return candidates[int(torch.randint(len(candidates), ()))]


def _is_class(label: Tensor, full: Vocabulary, *, only_seen: bool) -> Tensor:
    table = full.remap(full.only_seen() if only_seen else full)
    return torch.from_numpy(table != IGNORE).to(label.device)[label]
