"""Scores prediction files, on several processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..data.label_table import LabelTable
from ..data.loader import start_worker
from ..data.mapper import Sample, SampleReader
from ..data.reading import read_label
from .gallery import image_score
from .predictions import listed
from .zero_shot import ZeroShotEvaluator

Pairs = Sequence[tuple[Sample, Path]]
_CHUNK = 16  # files a task: matrices of large vocabularies travel once for so many


@dataclass(frozen=True)
class Problem:
    """A file that cannot be scored: what is wrong with it and all of its kind, and in detail."""

    file: str
    what: str
    detail: str


class Result(NamedTuple):
    """
    Of some files.

    Attributes:
        counts: see `ZeroShotEvaluator.counts`.
        scores: `image_score` by image, where the evaluator has a gallery and pixels are labelled.
        problems: the files without counts.
    """

    counts: list[np.ndarray]
    scores: dict[str, float]
    problems: list[Problem]


@dataclass
class FileScorer:
    """
    Counts what is right in prediction files.

    Args:
        evaluator: counts; its own counts are those of one task at a time.
        truth: reads label maps.
        answers: what the values of predictions mean.
    """

    evaluator: ZeroShotEvaluator
    truth: SampleReader
    answers: LabelTable

    def __call__(self, pairs: Pairs) -> Result:
        self.evaluator.reset()
        result = Result([], {}, [])
        for sample, file in pairs:
            before = self.evaluator.counts[0].copy() if self.evaluator.gallery else None
            if problem := self._count(sample, file):
                result.problems.append(problem)
            elif before is not None:
                score = image_score(self.evaluator.counts[0] - before)
                result.scores.update({} if math.isnan(score) else {sample["file_name"]: score})
        result.counts.extend(counts.copy() for counts in self.evaluator.counts)
        return result

    def show(self, sample: Sample, file: Path) -> None:
        """Lets the evaluator's observers see a file that has been counted without a problem."""
        image = torch.tensor(self.truth.image(sample)).permute(2, 0, 1)
        labels, truth = self.answers(read_label(file), file.name), self.truth.labels(sample)
        self._process(sample, file, truth, labels, image=image)

    def _count(self, sample: Sample, file: Path) -> Problem | None:
        try:
            truth = self.truth.labels(sample)
        except (OSError, ValueError) as error:
            return Problem(file.name, "have a label map that cannot be used", str(error))
        try:
            stored = read_label(file)
        except (OSError, ValueError) as error:
            return Problem(file.name, "cannot be read", str(error))
        try:
            labels = self.answers(stored, file.name)
        except ValueError as error:
            return Problem(file.name, "hold values that are no answer", str(error))
        if self.evaluator.size == "label" and labels.shape != truth.shape:
            given, expected = (f"{x.shape[1]} x {x.shape[0]} pixels" for x in (labels, truth))
            what = "have another size than their label map"
            return Problem(file.name, what, f"{file.name} is {given}, expected {expected}.")
        self._process(sample, file, truth, labels)
        return None

    def _process(
        self,
        sample: Sample,
        file: Path,
        truth: np.ndarray,
        labels: np.ndarray,
        **image: torch.Tensor,
    ) -> None:
        # Observers go by the image; a refusal names the prediction.
        files = {"file_name": sample["file_name"], "sem_seg_file_name": str(file)}
        inputs = files | {"sem_seg": torch.from_numpy(truth)} | image
        self.evaluator.process([inputs], [{"labels": torch.from_numpy(labels)}])


@dataclass
class _Chunks(Dataset[Result]):
    """Results by chunk: a DataLoader's workers share them out."""

    scorer: FileScorer
    pairs: Sequence[Pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Result:
        return self.scorer(self.pairs[index])


def score_files(scorer: FileScorer, pairs: Pairs, jobs: int = 1) -> dict[str, dict[str, float]]:
    """
    Scores all files, with a progress bar. Images are only read for the evaluator's gallery, and
    only those it keeps pictures of.

    Args:
        jobs: processes.

    Returns:
        dict: what the scorer's evaluator gives for all of them.

    Raises:
        ValueError: files that cannot be scored, with their number and some names, after all have
            been looked at; an image that cannot be read; or jobs below 1.
    """
    if jobs < 1:
        raise ValueError(f"files are scored by 1 process or more, not by {jobs}.")
    chunks = _Chunks(scorer, [pairs[i : i + _CHUNK] for i in range(0, len(pairs), _CHUNK)])
    workers = jobs if jobs > 1 else 0
    results = DataLoader(chunks, num_workers=workers, collate_fn=list, worker_init_fn=start_worker)
    totals = [np.zeros_like(counts) for counts in scorer.evaluator.counts]
    scores: dict[str, float] = {}
    problems: list[Problem] = []
    with tqdm(total=len(pairs), desc="scoring", unit="image") as bar:
        for chunk, [result] in zip(chunks.pairs, results, strict=True):
            for total, part in zip(totals, result.counts, strict=True):
                total += part
            scores |= result.scores
            problems += result.problems
            bar.update(len(chunk))
    if problems:
        raise ValueError(_complaint(problems, len(pairs)))
    scorer.evaluator.reset()
    if gallery := scorer.evaluator.gallery:
        shown = gallery.shown(scores)
        for sample, file in pairs:
            if sample["file_name"] in shown:
                scorer.show(sample, file)
        gallery.add_scores(scores)
    for own, total in zip(scorer.evaluator.counts, totals, strict=True):
        own[:] = total
    return scorer.evaluator.evaluate()


def _complaint(problems: Sequence[Problem], count: int) -> str:
    """One line about all kinds of problems."""
    kinds = dict.fromkeys(problem.what for problem in problems)
    parts = []
    for kind in kinds:
        wrong = [problem for problem in problems if problem.what == kind]
        files = listed(problem.file for problem in wrong)
        parts.append(f"{len(wrong)} of {count} predictions {kind} ({files}): {wrong[0].detail}")
    return " ".join(parts)
