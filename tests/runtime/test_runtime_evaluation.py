"""Running a model over a dataset while evaluators watch."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn


@pytest.fixture
def counting(runtime):
    """An evaluator that adds up what the model returned."""

    class Counting(runtime.evaluation.DatasetEvaluator):
        def __init__(self, task="sum"):
            self.task = task

        def reset(self):
            self.total = 0

        def process(self, inputs, outputs):
            assert len(inputs) == len(outputs)
            self.total += sum(outputs)

        def evaluate(self):
            return {self.task: {"total": self.total}}

    return Counting


def double(batch):
    return [2 * value for value in batch]


def test_any_callable_is_run_over_every_batch(runtime, counting):
    results = runtime.evaluation.inference_on_dataset(double, [[1, 2], [3]], counting())
    assert results == {"sum": {"total": 12}}


def test_several_evaluators_see_the_same(runtime, counting):
    both = [counting("a"), counting("b")]
    results = runtime.evaluation.inference_on_dataset(double, [[1]], both)
    assert results == {"a": {"total": 2}, "b": {"total": 2}}


def test_evaluators_cannot_share_a_task(runtime, counting):
    both = runtime.evaluation.DatasetEvaluators([counting("a"), counting("a")])
    both.reset()
    with pytest.raises(AssertionError, match="a"):
        both.evaluate()


def test_without_an_evaluator_there_are_no_results(runtime):
    assert runtime.evaluation.inference_on_dataset(double, [[1]], None) == {}


@pytest.mark.parametrize("training", [True, False])
def test_a_module_is_evaluated_without_gradients_and_its_mode_put_back(runtime, training):
    class Probe(nn.Module):
        def forward(self, batch):
            assert not self.training
            assert not torch.is_grad_enabled()
            return batch

    model = Probe().train(training)
    runtime.evaluation.inference_on_dataset(model, [[1], [2]], None)
    assert model.training is training


def test_metrics_are_printed_for_a_spreadsheet(runtime, caplog, monkeypatch):
    class Listener(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage().removeprefix("copypaste: "))

    lines = []
    # Of the two runtimes' loggers only one speaks; what is below it propagates as far as here.
    for name in ("zs3", "detectron2"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", [Listener()])
        caplog.set_level(logging.INFO, logger=name)
        monkeypatch.setattr(logger, "propagate", False)
    runtime.evaluation.print_csv_format({"sem_seg": {"mIoU": 12.34567, "hIoU": 5, "IoU-cat": 1}})
    assert lines == ["Task: sem_seg", "mIoU,hIoU", "12.3457,5.0000"]
