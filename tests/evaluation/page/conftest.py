"""Evaluations of made-up predictions, written by the evaluator itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from zs3.environment import run_record
from zs3.evaluation import Gallery, ZeroShotEvaluator
from zs3.vocabulary import Vocabulary

Evaluate = Callable[..., Path]
IGNORE = 65535


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Writes an evaluation of a run; gives its directory."""

    def evaluate(
        run: str,
        names: Sequence[str],
        unseen: Sequence[str] = (),
        *,
        dataset: str = "toy_test",
        images: int = 5,
        found: float = 0.6,
        size: tuple[int, int] = (24, 32),
        config: str = "SEED: 0\n",
        protocols: Sequence[str] = ("generalized",),
    ) -> Path:
        folder = tmp_path / run / "inference" / dataset
        vocabulary = Vocabulary.of(names, unseen)
        evaluator = ZeroShotEvaluator(
            vocabulary,
            protocols=protocols,
            kinds={"odd": unseen[:1]} if unseen else {},
            output_dir=folder,
            observers=[Gallery(folder, vocabulary)],
        )
        rng = np.random.default_rng(0)
        for i in range(images):
            sample, labels = _image(rng, len(names), size, found)
            evaluator.process([sample | {"file_name": f"toy/{i}.jpg"}], [{"labels": labels}])
        evaluator.evaluate()
        record = run_record() | {"config": config}
        (folder / "run.json").write_text(json.dumps(record))
        return folder

    return evaluate


def _image(
    rng: np.random.Generator, num_classes: int, size: tuple[int, int], found: float
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Noise with 3 x 4 blocks of classes as truth, and labels that are right in a share of it."""
    blocks = rng.integers(0, num_classes, (3, 4))
    truth = blocks.repeat(size[0] // 3, 0).repeat(size[1] // 4, 1)
    anything = rng.integers(0, num_classes, size)
    labels = np.where(rng.random(size) < found, truth, anything)
    truth[0, 0] = IGNORE
    image = rng.integers(0, 256, (3, *size), np.uint8)
    sample = {"image": torch.from_numpy(image), "sem_seg": torch.from_numpy(truth)}
    return sample, torch.from_numpy(labels)
