"""The evaluator of PASCAL-5i and COCO-20i."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.image_set import OTHERS
from ..data.mapper import Sample
from ..files import write_atomically
from ..nearest import did_you_mean
from ..runtime.evaluation import DatasetEvaluator
from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .episodes import (
    EPISODE_PROTOCOLS,
    best_mask,
    episode_iou,
    episode_pixels,
    episode_scores,
)
from .masks import Masks
from .processes import sum_over_processes
from .protocols import STANDARD, task_of
from .report import metrics_json
from .sizes import at_size

EPISODES = "episodes"  # evaluator_type in the metadata of a fold
EPISODE = "episode"  # key of the class in its dicts


class FoldEvaluator(DatasetEvaluator):
    """
    Scores episodes by class.

    Args:
        vocabulary: of the label maps; its unseen names are the fold's novel classes.
        protocols: names of EPISODE_PROTOCOLS, all of one size.
        ignore_label: what pixels without a label have.
        masks: besides the prediction, for an oracle.
        output_dir: where metrics.json goes; None writes nothing.

    Raises:
        ValueError: unknown protocols, or such of different sizes; an oracle without masks.
    """

    wants_rivals = False
    gallery = None

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        protocols: Sequence[str] = (STANDARD,),
        ignore_label: int = IGNORE,
        masks: Masks | None = None,
        output_dir: str | Path | None = None,
    ) -> None:
        for name in protocols:
            if name not in EPISODE_PROTOCOLS:
                known = f" There are {', '.join(EPISODE_PROTOCOLS)}."
                hint = did_you_mean(name, EPISODE_PROTOCOLS) or known
                raise ValueError(f"no evaluation protocol of episodes is called {name!r}.{hint}")
        chosen = [EPISODE_PROTOCOLS[name] for name in protocols]
        if len({protocol.size for protocol in chosen}) > 1:
            raise ValueError(f"protocols {list(protocols)} compare at different sizes.")
        if masks is None and any(protocol.oracle for protocol in chosen):
            raise ValueError("an oracle needs masks to choose from: set TEST.ORACLE True.")
        self.vocabulary = vocabulary
        self.protocols = dict(zip(protocols, chosen, strict=True))
        self.size = chosen[0].size
        self.ignore_label = ignore_label
        self.masks = masks
        self.output_dir = Path(output_dir) if output_dir else None
        self.reset()

    @property
    def asked(self) -> Vocabulary:
        """Every name that some episode asks for."""
        return Vocabulary.of((OTHERS, *self.vocabulary.unseen))

    def reset(self) -> None:
        novel = len(self.vocabulary.unseen)
        self._pixels = {name: np.zeros((2, 2, novel), np.int64) for name in self.protocols}

    def process(self, inputs: Sequence[Sample], outputs: Sequence[Mapping[str, Any]]) -> None:
        """
        Args:
            inputs: dicts with the name of the "episode"'s class and the labels "sem_seg" (H, W);
                for an oracle also the "image" (3, h, w).
            outputs: dicts with "labels" (H, W), 1 for the episode's class and 0 for others.

        Raises:
            ValueError: a prediction or mask of another size than the labels, or an episode of a
                class that is not novel; the file is named.
        """
        for sample, output in zip(inputs, outputs, strict=True):
            prediction, truth = output["labels"].cpu().numpy(), sample["sem_seg"].cpu().numpy()
            try:
                if self.size != "label":
                    truth = at_size(truth, prediction.shape)
                novel = self.vocabulary.only(self.vocabulary.unseen).index(sample[EPISODE])
                is_class = truth == self.vocabulary.index(sample[EPISODE])
                target = np.where(truth == self.ignore_label, np.int64(IGNORE), is_class)
                for name, protocol in self.protocols.items():
                    masks = [prediction]
                    if protocol.oracle and self.masks:
                        image = sample["image"].permute(1, 2, 0).cpu().numpy()
                        masks += [*self.masks(sample["file_name"], image, truth.shape)]
                    pixels = [episode_pixels(target, mask, protocol.void_counts) for mask in masks]
                    self._pixels[name][..., novel] += pixels[best_mask(pixels)]
            except ValueError as error:
                raise ValueError(f"{sample['file_name']}: {error}") from error

    def evaluate(self) -> dict[str, dict[str, float]]:
        """
        Sums up over all processes; the main one writes metrics.json.

        Returns:
            dict: what `episode_scores` gives, and IoU-<name> of the novel classes, by `task_of`
            each protocol; the same on all processes.
        """
        results = {}
        for name, protocol in self.protocols.items():
            pixels = self._pixels[name]
            sum_over_processes(pixels)
            per_class = episode_iou(pixels, protocol.absent).tolist()
            results[task_of(name)] = episode_scores(pixels, protocol.absent) | {
                f"IoU-{class_}": value
                for class_, value in zip(self.vocabulary.unseen, per_class, strict=True)
            }
        if self.output_dir and comm.is_main_process():
            self.output_dir.mkdir(parents=True, exist_ok=True)
            write_atomically(self.output_dir / "metrics.json", metrics_json(results).encode())
        return results
