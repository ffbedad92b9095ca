"""The evaluator of zero-shot segmentation: one confusion matrix, and what else is to be counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.mapper import Sample, SampleReader
from ..files import write_atomically
from ..readout.maps import best_class
from ..runtime.data import MetadataCatalog
from ..runtime.evaluation import DatasetEvaluator
from ..runtime.utils import comm
from ..vocabulary import IGNORE, Vocabulary
from .calibration import Calibration
from .confusion import accuracy, confusion_matrix, iou, summary
from .gallery import Gallery
from .measure import Measure
from .observer import Observer
from .processes import sum_over_processes
from .protocols import PROTOCOLS, STANDARD, runs, task_of
from .questions import Question
from .report import Kinds, class_csv, confusion_npz, metrics_json
from .sizes import at_size


class ZeroShotEvaluator(DatasetEvaluator):
    """
    Fills one confusion matrix over a dataset, on all processes, and scores it.

    Args:
        question: what the model was asked; a vocabulary is asked for all of its names.
        protocols: names of PROTOCOLS to score by; they agree in question and size.
        measures: what to count besides.
        ignore_label: what pixels without a label have.
        kinds: groups of unseen names to report apart.
        reader: image and labels of a sample that brings no "sem_seg".
        output_dir: where metrics.json, per_class.csv, confusion.npz (see `confusion_npz`) and the
            measures' files go; None writes nothing.
        observers: are shown every image that a sample brings.

    Raises:
        ValueError: unknown protocols or such that one run cannot serve, or a kind of names that are
            not unseen classes.
    """

    def __init__(
        self,
        question: Question | Vocabulary,
        *,
        protocols: Sequence[str] = (STANDARD,),
        measures: Sequence[Measure] = (),
        ignore_label: int = IGNORE,
        kinds: Kinds | None = None,
        reader: Callable[[Sample], tuple[np.ndarray, np.ndarray]] | None = None,
        output_dir: str | Path | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        if len(runs(protocols)) > 1:
            raise ValueError(
                f"protocols {list(protocols)} ask different questions; evaluate them one by one."
            )
        self.question = Question.about(question) if isinstance(question, Vocabulary) else question
        self.vocabulary = self.question.scored
        self.protocols = protocols
        self.size = PROTOCOLS[protocols[0]].size
        self.measures = measures
        self.ignore_label = ignore_label
        self.kinds = kinds or {}
        self.reader = reader
        self.output_dir = Path(output_dir) if output_dir else None
        self.observers = observers
        for kind, names in self.kinds.items():
            wrong = sorted(set(names) - set(self.vocabulary.unseen))
            if wrong:
                raise ValueError(f"kind {kind!r} groups {wrong}, which are not unseen classes.")
        self.reset()

    @classmethod
    def of_dataset(
        cls,
        name: str,
        output_dir: str | Path | None = None,
        *,
        question: Question | None = None,
        protocols: Sequence[str] = (STANDARD,),
        measures: Sequence[Measure] = (),
        observers: Sequence[Observer] = (),
    ) -> ZeroShotEvaluator:
        """
        For a registered dataset, from its metadata.

        Args:
            question: what the protocols ask, if left out; those that have to know what the model
                was trained on cannot be left to it.
        """
        metadata = MetadataCatalog.get(name)
        question = question or PROTOCOLS[protocols[0]].ask(metadata, None)
        kinds = {
            kind: tuple(class_ for class_ in names if class_ in question.scored.unseen)
            for kind, names in (metadata.get("kinds") or {}).items()
        }
        return cls(
            question,
            protocols=protocols,
            measures=measures,
            ignore_label=metadata.ignore_label,
            kinds={kind: names for kind, names in kinds.items() if names},
            reader=SampleReader.of_dataset(name),
            output_dir=output_dir,
            observers=observers,
        )

    def reset(self) -> None:
        self._confusion = np.zeros((len(self.vocabulary), self.question.num_answers), np.int64)
        for measure in self.measures:
            measure.counts[:] = 0
        for observer in self.observers:
            observer.reset()

    @property
    def asked(self) -> Vocabulary:
        """What the model is to be given with every image."""
        return self.question.asked

    @property
    def wants_rivals(self) -> bool:
        """Whether outputs must bring `Rivals`."""
        return any(isinstance(measure, Calibration) for measure in self.measures)

    @property
    def gallery(self) -> Gallery | None:
        """The observer that keeps images for the page, if there is one."""
        return next((each for each in self.observers if isinstance(each, Gallery)), None)

    @property
    def counts(self) -> list[np.ndarray]:
        """All that has been counted so far; int64, in place."""
        return [self._confusion, *(measure.counts for measure in self.measures)]

    def process(
        self, inputs: Sequence[Sample], outputs: Sequence[Mapping[str, Any]]
    ) -> None:  # Any: tensors by name, and what measures read
        """
        Args:
            inputs: dicts with the labels "sem_seg" (H, W) and, for observers, "image" (3, h, w);
                or with what `reader` reads.
            outputs: dicts with "labels" (H, W), or with the scores "sem_seg" (A, H, W), indices
                into the names that were asked for; and with what the measures need.

        Raises:
            ValueError: a prediction of another size than the labels, or a value that is no class;
                the file is named.
        """
        for sample, output in zip(inputs, outputs, strict=True):
            file = sample.get("sem_seg_file_name") or sample["file_name"]
            image, truth = self._read(sample)
            try:
                labels = self.question.answers(self._predicted(output))
                truth = self.question.truth(truth, self.ignore_label)
                if self.size != "label":
                    truth = at_size(truth, labels.shape)
                confusion = confusion_matrix(
                    truth, labels, len(self.vocabulary), num_answers=self.question.num_answers
                )
                for measure in self.measures:
                    measure.add(truth, labels, output)
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from error
            self._confusion += confusion
            if image is not None:
                for observer in self.observers:
                    observer.see(sample["file_name"], image, truth, labels, confusion)

    def evaluate(self) -> dict[str, dict[str, float]]:
        """
        Sums up over all processes; the main one writes the files.

        Returns:
            dict: percentages, the same on all processes, by `task_of` each protocol. The standard
            ones ("sem_seg") are what `summary` and the measures give, with IoU-<name> and
            ACC-<name>.

        Raises:
            ValueError: no labelled pixel was seen.
        """
        for counts in self.counts:
            sum_over_processes(counts)
        confusion = self._confusion
        if not confusion.any():
            raise ValueError("nothing to score: no pixel of the evaluated images has a label.")
        is_seen = np.array(self.vocabulary.is_seen)
        results = {}
        for name in self.protocols:
            summarise = PROTOCOLS[name].summarise
            results[task_of(name)] = (
                summarise(confusion, is_seen) if summarise else self._standard(confusion, is_seen)
            )
        if self.output_dir and comm.is_main_process():
            self._write(self.output_dir, results)
        for observer in self.observers:
            observer.finish()
        return results

    def _standard(self, confusion: np.ndarray, is_seen: np.ndarray) -> dict[str, float]:
        names = np.array(self.vocabulary.names)
        scores = summary(confusion, is_seen, {k: np.isin(names, v) for k, v in self.kinds.items()})
        per_class = {"IoU": iou(confusion), "ACC": accuracy(confusion), **self._per_class()}
        for measure in self.measures:
            scores |= measure.scores(is_seen)
        for what, values in per_class.items():
            by_name = zip(self.vocabulary.names, values.tolist(), strict=True)
            scores |= {f"{what}-{name}": value for name, value in by_name}
        return scores

    def _per_class(self) -> dict[str, np.ndarray]:
        return {k: v for measure in self.measures for k, v in measure.per_class().items()}

    def _write(self, folder: Path, results: Mapping[str, Mapping[str, float]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        rows = class_csv(self._confusion, self.vocabulary, self.kinds, self._per_class())
        files = {
            "per_class.csv": rows.encode(),
            "confusion.npz": confusion_npz(self._confusion, self.vocabulary),
            "metrics.json": metrics_json(results).encode(),
        }
        for measure in self.measures:
            files |= measure.files(np.array(self.vocabulary.is_seen))
        for name, content in files.items():
            write_atomically(folder / name, content)

    def _read(self, sample: Sample) -> tuple[np.ndarray | None, np.ndarray]:
        """Image (h, w, 3), perhaps of another size, and labels (H, W)."""
        if "sem_seg" in sample:
            image = sample["image"].permute(1, 2, 0).cpu().numpy() if "image" in sample else None
            return image, sample["sem_seg"].cpu().numpy()
        if self.reader is None:
            raise ValueError(
                f'{sample["file_name"]} brings no "sem_seg", and there is no reader of label files.'
            )
        return self.reader(sample)

    def _predicted(self, output: Mapping[str, Any]) -> np.ndarray:
        """(H, W) indices into the names that were asked for."""
        if "labels" in output:
            return output["labels"].cpu().numpy()
        scores, asked = output["sem_seg"], self.question.asked
        if len(scores) != len(asked):
            raise ValueError(
                f"the prediction scores {len(scores)} classes, but the vocabulary has {len(asked)}."
            )
        best, labels = best_class(scores)
        if best.isnan().any():
            raise ValueError("the predicted scores contain NaN.")
        return labels.cpu().numpy()
