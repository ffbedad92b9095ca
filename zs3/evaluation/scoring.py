"""Scores prediction files, on several processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..data.label_table import LabelTable
from ..data.loader import start_worker
from ..data.mapper import Sample, SampleReader
from ..data.reading import read_label
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


# Counts of some files (see `ZeroShotEvaluator.counts`), and those among them that have none.
Result = tuple[list[np.ndarray], list[Problem]]


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
        problems = [problem for pair in pairs if (problem := self._count(*pair)) is not None]
        return [counts.copy() for counts in self.evaluator.counts], problems

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
        inputs = {"file_name": str(file), "sem_seg": torch.from_numpy(truth)}
        self.evaluator.process([inputs], [{"labels": torch.from_numpy(labels)}])
        return None


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
    Scores all files, with a progress bar.

    Args:
        jobs: processes.

    Returns:
        dict: what the scorer's evaluator gives for all of them.

    Raises:
        ValueError: files that cannot be scored, with their number and some names, after all have
            been looked at; or jobs below 1.
    """
    if jobs < 1:
        raise ValueError(f"files are scored by 1 process or more, not by {jobs}.")
    chunks = _Chunks(scorer, [pairs[i : i + _CHUNK] for i in range(0, len(pairs), _CHUNK)])
    workers = jobs if jobs > 1 else 0
    results = DataLoader(chunks, num_workers=workers, collate_fn=list, worker_init_fn=start_worker)
    totals = [np.zeros_like(counts) for counts in scorer.evaluator.counts]
    problems: list[Problem] = []
    with tqdm(total=len(pairs), desc="scoring", unit="image") as bar:
        for chunk, [(counts, wrong)] in zip(chunks.pairs, results, strict=True):
            for total, part in zip(totals, counts, strict=True):
                total += part
            problems += wrong
            bar.update(len(chunk))
    if problems:
        raise ValueError(_complaint(problems, len(pairs)))
    scorer.evaluator.reset()
    for own, total in zip(scorer.evaluator.counts, totals, strict=True):
        own += total
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
