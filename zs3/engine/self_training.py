"""
Self-training: pixels without a label get one of an unseen class where the model itself says so
(CaGNet, section 4; ZS3Net, section 3.4).

It is transductive: the training images are looked at for unseen classes, though never their labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any  # what samples hold is their owners' business

import torch
from torch import Tensor, nn

from ..label_policy import KnownNames, the_only
from ..readout import ScoreMaps
from ..runtime.config import CfgNode
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import IGNORE, Vocabulary
from .steps import Batch, Stateful, TrainingStep


class SelfTraining:
    """
    A step in front of which every batch is labelled by the model as it is.

    Args:
        step: any; it trains `model` on the labels it is given.
        model: its label policy becomes `GivenLabels`.
        top: a pixel becomes its best unseen class if that is among its best `top` of all classes.
        keep: share of those pixels of an image, the most certain ones, that do.
    """

    def __init__(
        self, step: TrainingStep, model: ZeroShotSegmentor, *, top: int, keep: float = 1.0
    ) -> None:
        self.step = step
        self.model = model
        self.top = top
        self.keep = keep
        self.device = step.device
        model.label_policy = GivenLabels()

    @classmethod
    def from_config(cls, cfg: CfgNode, step: TrainingStep, model: nn.Module) -> SelfTraining:
        """
        Raises:
            ValueError: a model that cannot be asked; or reports that would not say "transductive".
        """
        if cfg.TEST.SETTING == "inductive":
            raise ValueError(
                "self-training looks for unseen classes in training images, which is not "
                "inductive; let reports say so: set TEST.SETTING to transductive."
            )
        if not isinstance(model, ZeroShotSegmentor):
            raise ValueError(f"self-training labels with a ZeroShotSegmentor, not {type(model)}.")
        options = cfg.SELF_TRAINING
        return cls(step, model, top=options.TOP, keep=options.KEEP)

    @property
    def lr(self) -> float:
        return self.step.lr

    def parts(self) -> Mapping[str, Stateful]:
        return self.step.parts()

    def __call__(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """As the step it is in front of."""
        return self.step([self._labelled(batch) for batch in batches])

    @torch.no_grad()
    def _labelled(self, batch: Batch) -> Batch:
        self.model.eval()
        predicted = self.model.predict([_as_cropped(sample) for sample in batch])
        self.model.train()
        given = {sample.get("vocabulary") or self.model.vocabulary for sample in batch}
        vocabulary = the_only([vocabulary for vocabulary in given if vocabulary is not None])
        _, labels = KnownNames().ask([vocabulary], [s["sem_seg"].long() for s in batch])
        return [
            {**sample, "sem_seg": self._complete(own.to(self.device), maps, vocabulary)}
            for sample, own, maps in zip(batch, labels, predicted, strict=True)
        ]

    def _complete(self, labels: Tensor, maps: ScoreMaps, vocabulary: Vocabulary) -> Tensor:
        is_unseen = ~torch.tensor(vocabulary.is_seen, device=self.device)
        return completed(labels, maps.scores(), is_unseen, top=self.top, keep=self.keep)


def _as_cropped(sample: dict[str, Any]) -> dict[str, Any]:
    """What is predicted has the size of the labels, whatever that of the image on disk is."""
    height, width = sample["sem_seg"].shape
    return {**sample, "height": height, "width": width}


class GivenLabels(KnownNames):
    """All names and all labels: what self-training has left of them."""

    def ask(
        self, vocabularies: Sequence[Vocabulary], labels: Sequence[Tensor]
    ) -> tuple[tuple[Vocabulary, ...], list[Tensor]]:
        return (the_only(vocabularies),), list(labels)


def completed(
    labels: Tensor, scores: Tensor, is_unseen: Tensor, *, top: int, keep: float = 1.0
) -> Tensor:
    """
    Args:
        labels: (H, W) of seen classes; IGNORE elsewhere.
        scores: (K, H, W).
        is_unseen: (K,) bool.
        top, keep: see `SelfTraining`.

    Returns:
        Tensor: (H, W), IGNORE where no unseen class is near enough.
    """
    unseen = is_unseen.nonzero()[:, 0]
    best, choice = scores[unseen].max(0)
    better = (scores > best).sum(0)
    chosen = (labels == IGNORE) & (better < top)
    if keep < 1:
        ranked = best[chosen].sort(descending=True).values
        kept = int(len(ranked) * keep)
        chosen &= best >= ranked[kept - 1] if kept else torch.zeros_like(chosen)
    return torch.where(chosen, unseen[choice], labels)
