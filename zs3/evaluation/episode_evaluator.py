"""The evaluator of episodes: one class an image, against everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ..data.mapper import Sample
from ..files import write_atomically
from ..runtime.data import MetadataCatalog
from ..runtime.evaluation import DatasetEvaluator
from ..runtime.utils import comm
from ..vocabulary import Vocabulary
from .episodes import VOID, EpisodeScores, Overlap, oracle_choice
from .oracle import Masks
from .reduction import sum_over_processes
from .report import metrics_json


class EpisodeEvaluator(DatasetEvaluator):
    """
    Args:
        vocabulary: of the labels; its unseen classes count.
        ignore_label: what pixels without a label have.
        void_counts: see `Overlap.of`.
        oracle: masks to choose from with the labels in hand, instead of the prediction: the
            published SAZS's fusion, an upper bound that is reported apart.
        output_dir: where metrics.json goes; None writes nothing.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        ignore_label: int,
        void_counts: bool = False,
        oracle: Masks | None = None,
        output_dir: str | Path | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.ignore_label = ignore_label
        self.void_counts = void_counts
        self.oracle = oracle
        self.output_dir = Path(output_dir) if output_dir else None
        self.reset()

    @classmethod
    def of_dataset(
        cls,
        name: str,
        output_dir: str | Path | None = None,
        *,
        void_counts: bool = False,
        oracle: Masks | None = None,
    ) -> EpisodeEvaluator:
        """For a registered dataset, from its metadata."""
        metadata = MetadataCatalog.get(name)
        return cls(
            Vocabulary.from_metadata(metadata),
            ignore_label=metadata.ignore_label,
            void_counts=void_counts,
            oracle=oracle,
            output_dir=output_dir,
        )

    def reset(self) -> None:
        self._network, self._oracle = (EpisodeScores(self.vocabulary.names) for _ in range(2))

    def process(self, inputs: Sequence[Sample], outputs: Sequence[Mapping[str, Tensor]]) -> None:
        """
        Args:
            inputs: dicts with the labels "sem_seg" (H, W) of the full vocabulary, and "episode",
                the name of the class that was looked for.
            outputs: dicts with "labels" (H, W): 1 for the class, 0 for all else.

        Raises:
            ValueError: a prediction of another size than the labels; the file is named.
        """
        for sample, output in zip(inputs, outputs, strict=True):
            truth = sample["sem_seg"].cpu().numpy()
            mask = output["labels"].cpu().numpy()
            if mask.shape != truth.shape:
                raise ValueError(
                    f"{sample['file_name']}: the prediction is {mask.shape}, but its label map is "
                    f"{truth.shape}; predict at the size of the label map."
                )
            label = self.vocabulary.index(sample["episode"])
            target = np.where(truth == self.ignore_label, VOID, truth == label)
            network = Overlap.of(mask, target, void_counts=self.void_counts)
            self._network.add(label, network)
            if self.oracle is not None:
                image = sample["image"].permute(1, 2, 0).cpu().numpy()
                masks = [
                    Overlap.of(other.astype(int), target, void_counts=self.void_counts)
                    for other in self.oracle(sample["file_name"], image, truth.shape)
                ]
                choice = oracle_choice(network, masks)
                self._oracle.add(label, network if choice < 0 else masks[choice])

    def evaluate(self) -> dict[str, dict[str, float]]:
        """
        Returns:
            dict: under "sem_seg" what `EpisodeScores.summary` gives; under "sem_seg_oracle" the
            same of what the labels would choose.
        """
        scores = {"sem_seg": self._network}
        if self.oracle is not None:
            scores["sem_seg_oracle"] = self._oracle
        results = {}
        for name, own in scores.items():
            own.inter, own.union = map(sum_over_processes, (own.inter, own.union))
            results[name] = own.summary(self.vocabulary.unseen)
        if self.output_dir and comm.is_main_process():
            self.output_dir.mkdir(parents=True, exist_ok=True)
            write_atomically(self.output_dir / "metrics.json", metrics_json(results).encode())
        return results
