"""The evaluator of generalised zero-shot segmentation: all classes compete for every pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from torch import Tensor

from ..data.mapper import Sample, SampleReader
from ..files import write_atomically
from ..runtime.data import MetadataCatalog
from ..runtime.evaluation import DatasetEvaluator
from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .confusion import accuracy, confusion_matrix, iou, summary
from .pictures import comparison, palette, save_png
from .protocols import PROTOCOLS
from .reduction import sum_over_processes
from .report import Kinds, class_csv, metrics_json


class Observer(Protocol):
    """Watches an evaluation image by image, on every process."""

    def reset(self) -> None:
        """Forgets what it has seen."""

    def see(
        self,
        file: str,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        confusion: np.ndarray,
    ) -> None:
        """
        Args:
            image: (h, w, 3) RGB 0..255, perhaps of another size than the labels.
            truth, labels: (H, W) integers.
            confusion: (K, K) of this image alone.
        """

    def finish(self) -> None:
        """Called on all processes together, once every image was seen."""


class ZeroShotEvaluator(DatasetEvaluator):
    """
    Fills one confusion matrix over a dataset, on all processes, and scores it.

    Args:
        vocabulary: of the labels.
        ignore_label: what pixels without a label have.
        kinds: groups of unseen names to report apart.
        reader: image and labels of a sample that brings no "sem_seg".
        output_dir: where metrics.json, per_class.csv, confusion.npz and pictures/ go; None writes
            nothing.
        pictures: how many comparisons to draw, of the first samples of the main process.
        colours: (K, 3) uint8 RGB for them.
        protocols: names of published protocols to report as well (see `protocols`).
        observers: are shown every image.

    Raises:
        ValueError: an unknown protocol, or a kind of names that are not unseen classes.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        ignore_label: int = IGNORE,
        kinds: Kinds | None = None,
        reader: Callable[[Sample], tuple[np.ndarray, np.ndarray]] | None = None,
        output_dir: str | Path | None = None,
        pictures: int = 0,
        colours: np.ndarray | None = None,
        protocols: Sequence[str] = (),
        observers: Sequence[Observer] = (),
    ) -> None:
        self.vocabulary = vocabulary
        self.ignore_label = ignore_label
        self.kinds = kinds or {}
        self.reader = reader
        self.output_dir = Path(output_dir) if output_dir else None
        self.pictures = pictures
        self.colours = palette(len(vocabulary)) if colours is None else colours
        self.protocols = protocols
        self.observers = observers
        unknown = sorted(set(protocols) - set(PROTOCOLS))
        if unknown:
            raise ValueError(
                f"unknown evaluation protocols {unknown}; there are {', '.join(PROTOCOLS)}."
            )
        for kind, names in self.kinds.items():
            wrong = sorted(set(names) - set(vocabulary.unseen))
            if wrong:
                raise ValueError(f"kind {kind!r} groups {wrong}, which are not unseen classes.")
        self.reset()

    @classmethod
    def of_dataset(
        cls,
        name: str,
        output_dir: str | Path | None = None,
        pictures: int = 0,
        protocols: Sequence[str] = (),
        observers: Sequence[Observer] = (),
    ) -> ZeroShotEvaluator:
        """For a registered dataset, from its metadata."""
        metadata = MetadataCatalog.get(name)
        colours = metadata.get("palette")
        return cls(
            Vocabulary.from_metadata(metadata),
            ignore_label=metadata.ignore_label,
            kinds=metadata.get("kinds"),
            reader=SampleReader.of_dataset(name),
            output_dir=output_dir,
            pictures=pictures,
            colours=None if colours is None else np.asarray(colours, np.uint8),
            protocols=protocols,
            observers=observers,
        )

    def reset(self) -> None:
        self._confusion = np.zeros((len(self.vocabulary),) * 2, np.int64)
        self._drawn = 0
        for observer in self.observers:
            observer.reset()

    def process(self, inputs: Sequence[Sample], outputs: Sequence[Mapping[str, Tensor]]) -> None:
        """
        Args:
            inputs: dicts with "image" (3, h, w) and the labels "sem_seg" (H, W), or with what
                `reader` reads.
            outputs: dicts with "labels" (H, W), or with the scores "sem_seg" (K, H, W).

        Raises:
            ValueError: a prediction of another size than the labels, or a value that is no class;
                the file is named.
        """
        for sample, output in zip(inputs, outputs, strict=True):
            file = sample.get("sem_seg_file_name") or sample["file_name"]
            image, truth = self._read(sample)
            try:
                labels = self._predicted(output)
                confusion = confusion_matrix(truth, labels, len(self.vocabulary), self.ignore_label)
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from error
            self._confusion += confusion
            for observer in self.observers:
                observer.see(sample["file_name"], image, truth, labels, confusion)
            if self.output_dir and self._drawn < self.pictures and comm.is_main_process():
                name = f"{self._drawn:03d}_{Path(sample['file_name']).stem}.png"
                self._draw(self.output_dir / "pictures" / name, image, truth, labels)
                self._drawn += 1

    def evaluate(self) -> dict[str, dict[str, float]]:
        """
        Sums up over all processes; the main one writes the files.

        Returns:
            dict: percentages, the same on all processes. Under "sem_seg" what `summary` gives, with
            IoU-<name> and ACC-<name>; under "sem_seg_<protocol>" the scores of further protocols.

        Raises:
            ValueError: no labelled pixel was seen.
        """
        confusion = sum_over_processes(self._confusion)
        if not confusion.any():
            raise ValueError("nothing to score: no pixel of the evaluated images has a label.")
        names, is_seen = np.array(self.vocabulary.names), np.array(self.vocabulary.is_seen)
        scores = summary(confusion, is_seen, {k: np.isin(names, v) for k, v in self.kinds.items()})
        for what, values in (("IoU", iou(confusion)), ("ACC", accuracy(confusion))):
            by_name = zip(self.vocabulary.names, values.tolist(), strict=True)
            scores |= {f"{what}-{name}": value for name, value in by_name}
        results = {"sem_seg": scores}
        for protocol in self.protocols:
            results[f"sem_seg_{protocol}"] = PROTOCOLS[protocol](confusion, is_seen)
        if self.output_dir and comm.is_main_process():
            self.output_dir.mkdir(parents=True, exist_ok=True)
            rows = class_csv(confusion, self.vocabulary, self.kinds)
            write_atomically(self.output_dir / "per_class.csv", rows.encode())
            write_atomically(
                self.output_dir / "confusion.npz",
                lambda file: np.savez_compressed(file, confusion=confusion),
            )
            write_atomically(self.output_dir / "metrics.json", metrics_json(results).encode())
        for observer in self.observers:
            observer.finish()
        return results

    def _read(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        """Image (h, w, 3), perhaps of another size, and labels (H, W)."""
        if "sem_seg" in sample:
            return sample["image"].permute(1, 2, 0).cpu().numpy(), sample["sem_seg"].cpu().numpy()
        if self.reader is None:
            raise ValueError(
                f'{sample["file_name"]} brings no "sem_seg", and there is no reader of label files.'
            )
        return self.reader(sample)

    def _predicted(self, output: Mapping[str, Tensor]) -> np.ndarray:
        """(H, W) labels."""
        if "labels" in output:
            return output["labels"].cpu().numpy()
        scores = output["sem_seg"]
        if len(scores) != len(self.vocabulary):
            raise ValueError(
                f"the prediction scores {len(scores)} classes, but the vocabulary has "
                f"{len(self.vocabulary)}."
            )
        best, labels = scores.max(0)
        if best.isnan().any():
            raise ValueError("the predicted scores contain NaN.")
        return labels.cpu().numpy()

    def _draw(self, path: Path, image: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> None:
        size = (truth.shape[1], truth.shape[0])
        picture = comparison(
            cv2.resize(image.astype(np.uint8), size, interpolation=cv2.INTER_AREA),
            truth,
            labels,
            self.vocabulary.names,
            self.colours,
            ignore=self.ignore_label,
            unseen=self.vocabulary.unseen,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(path, picture)
