"""Running a model over a dataset while evaluators watch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol  # inputs and outputs are the model's and the loader's own

import torch
from torch import nn
from tqdm import tqdm

from .utils import comm

logger = logging.getLogger(__name__)

Results = dict[str, Any]


class Loader(Protocol):
    """Batches, and how many there will be."""

    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...


class DatasetEvaluator:
    """Sees every input with its output, and sums up at the end."""

    def reset(self) -> None:
        """Forgets what it has seen."""

    def process(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Takes in one batch: what the model was given, and what it returned."""

    def evaluate(self) -> Results | None:
        """{task: {metric: value}}, on the main process at least."""


class DatasetEvaluators(DatasetEvaluator):
    """Several evaluators as one; their tasks must have different names."""

    def __init__(self, evaluators: Sequence[DatasetEvaluator]) -> None:
        self._evaluators = evaluators

    def reset(self) -> None:
        for evaluator in self._evaluators:
            evaluator.reset()

    def process(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        for evaluator in self._evaluators:
            evaluator.process(inputs, outputs)

    def evaluate(self) -> Results:
        results: Results = {}
        for evaluator in self._evaluators:
            own = evaluator.evaluate()
            if comm.is_main_process() and own is not None:
                twice = sorted(own.keys() & results.keys())
                assert not twice, (
                    f"several evaluators report {twice}; give every task its own name."
                )
                results.update(own)
        return results


def inference_on_dataset(
    model: Callable[[Any], Any],
    data_loader: Loader,
    evaluator: DatasetEvaluator | list[DatasetEvaluator] | None,
) -> Results:
    """
    Calls `model` on every batch, in evaluation mode and without gradients.

    Args:
        model: a module, whose mode is put back afterwards, or any other callable.
        evaluator: one, several, or None to only run.

    Returns:
        dict: what `evaluator.evaluate()` returns; {} where that is None.
    """
    if not isinstance(evaluator, DatasetEvaluator):
        evaluator = DatasetEvaluators(evaluator or [])
    evaluator.reset()
    with torch.inference_mode(), _evaluation_mode(model):
        for inputs in tqdm(data_loader, "evaluating", disable=not comm.is_main_process()):
            evaluator.process(inputs, model(inputs))
    return evaluator.evaluate() or {}


def print_csv_format(results: Mapping[str, Any]) -> None:
    """Logs two comma-separated lines a task, for a spreadsheet; leaves out names with "-"."""
    for task, metrics in results.items():
        if isinstance(metrics, Mapping):
            main = {name: value for name, value in metrics.items() if "-" not in name}
            logger.info("copypaste: Task: %s", task)
            logger.info("copypaste: %s", ",".join(main))
            logger.info("copypaste: %s", ",".join(f"{value:.4f}" for value in main.values()))
        else:
            logger.info("copypaste: %s=%s", task, metrics)


@contextmanager
def _evaluation_mode(model: Callable[[Any], Any]) -> Iterator[None]:
    if not isinstance(model, nn.Module):
        yield
        return
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
