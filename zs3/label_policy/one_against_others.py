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
        questions: an image, Q; more than the published 1 are answered from the same features, and
            labels are 1..Q. Seen classes that the image shows come first, then ones it does not.

    Raises:
        ValueError: fewer than 1 question.
    """

    @configurable
    def __init__(self, *, unlabeled_is_others: bool = False, questions: int = 1) -> None:
        if questions < 1:
            raise ValueError(
                f"MODEL.LABEL_POLICY.QUESTIONS is {questions}; expected 1 or more an image."
            )
        self.unlabeled_is_others = unlabeled_is_others
        self.questions = questions

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, object]:
        policy = cfg.MODEL.LABEL_POLICY
        return {
            "unlabeled_is_others": policy.UNLABELED_IS_OTHERS,
            "questions": policy.QUESTIONS,
        }

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        """As `Inductive`'s; one vocabulary an image, of OTHERS and Q names."""
        each = vocabularies if len(vocabularies) > 1 else tuple(vocabularies) * len(labels)
        asked = tuple(
            full.against_others(*_wanted(full, label, self.questions))
            for full, label in zip(each, labels, strict=True)
        )
        targets = [
            self.code(label, full, own)
            for full, label, own in zip(each, labels, asked, strict=True)
        ]
        return asked, targets

    def code(self, label: Tensor, full: Vocabulary, asked: Vocabulary) -> Tensor:
        """What `complete` is given of a label map (H, W): here 0..Q or IGNORE."""
        target = torch.zeros_like(label)
        for i, name in enumerate(asked.names[1:], start=1):
            target[label == full.index(name)] = i
        is_known = _is_class(label, full, only_seen=True)
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
    def __init__(
        self,
        *,
        unlabeled_is_others: bool = False,
        questions: int = 1,
        published_edges: bool = False,
    ) -> None:
        super().__init__(unlabeled_is_others=unlabeled_is_others, questions=questions)
        self.published_edges = published_edges

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, object]:
        edges = cfg.MODEL.LABEL_POLICY.PUBLISHED_EDGES
        return {**super().from_config(cfg), "published_edges": edges}

    def code(self, label: Tensor, full: Vocabulary, asked: Vocabulary) -> Tensor:
        """The target in the lower 16 bits, 1 above them at edges."""
        has_edges = _is_class(label, full, only_seen=not self.published_edges)
        if self.published_edges:
            has_edges &= label != len(full) - 1
        edges = edge_map(label.masked_fill(~has_edges, -1))
        return super().code(label, full, asked) | edges.long() << _EDGE_BIT

    def complete(
        self, asked: Sequence[Vocabulary], targets: Tensor, regions: Regions, logits: Tensor
    ) -> Tensor:
        """Returns (B, 2, H, W): the targets, and 1 at edges."""
        return torch.stack((targets & IGNORE, targets >> _EDGE_BIT), 1)


def _wanted(full: Vocabulary, label: Tensor, count: int) -> list[str]:
    """
    The class of an episode, and seen ones drawn at random: among those in the label map, and once
    there are no more, among the rest.
    """
    names = [name for name in full.seen if full.synonyms[full.index(name)] != (OTHERS,)]
    first = [full.wanted] if isinstance(full, Episode) else []
    if len({*first, *names}) < count:
        raise ValueError(
            f"MODEL.LABEL_POLICY.QUESTIONS is {count}, but {len(names) or 'no'} classes of the "
            "vocabulary are seen; a question can be about none but these."
        )
    shown = set(label.unique().tolist())
    drawn = [names[i] for i in torch.randperm(len(names)).tolist() if names[i] not in first]
    drawn.sort(key=lambda name: full.index(name) not in shown)  # keeps the order of the draw
    return (first + drawn)[:count]


def _is_class(label: Tensor, full: Vocabulary, *, only_seen: bool) -> Tensor:
    table = full.remap(full.only_seen() if only_seen else full)
    return torch.from_numpy(table != IGNORE).to(label.device)[label]
