"""A trainer from a configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any  # evaluators return what they like beside numbers

from torch import nn

from ..checkpoints.weight_file import BEST, FINAL
from ..data.loader import build_train_loader
from ..registry import STEP_REGISTRY
from ..runtime.config import CfgNode
from .checkpointer import Checkpointer
from .ema import WeightAverage
from .hooks import (
    AverageHook,
    CheckpointHook,
    EvaluationHook,
    Hook,
    ProgressBar,
    WriterHook,
)
from .optimizer import freeze
from .parallel import agree_on_buffers
from .randomness import undisturbed
from .self_training import SelfTraining
from .steps import Batch, Stateful, TrainingStep
from .trainer import Trainer
from .weights import Weights, export_weights


def build_trainer(
    cfg: CfgNode,
    model: nn.Module,
    *,
    evaluate: Callable[[], Mapping[str, Any]] | None = None,
    loader: Callable[[int], Iterable[Batch]] | None = None,
) -> Trainer:
    """
    The trainer of SOLVER, MODEL.FREEZE and OUTPUT_DIR.

    Args:
        model: on its device, with the weights to start from.
        evaluate: evaluates `model` every TEST.EVAL_PERIOD iterations; on all processes together.
        loader: see `Trainer`; by default that of DATASETS.TRAIN.

    Raises:
        ValueError: the configuration describes no training.
    """
    solver, directory = cfg.SOLVER, Path(cfg.OUTPUT_DIR)
    step = build_step(cfg, model)
    average = WeightAverage(model, solver.EMA_DECAY) if solver.EMA_DECAY else None
    parts: dict[str, Stateful] = {"model": Weights(model), **step.parts()}
    hooks: list[Hook] = [ProgressBar()]
    if average:
        parts["ema"] = average
        hooks.append(AverageHook(average))

    def averaged() -> AbstractContextManager[None]:
        return average.applied() if average else nullcontext()

    def export(name: str, description: dict[str, Any]) -> None:
        with averaged():
            export_weights(model, directory / name, description)

    if evaluate:
        run = functools.partial(_evaluate, model, evaluate, averaged)
        save_best = functools.partial(export, BEST)
        best = EvaluationHook(run, cfg.TEST.EVAL_PERIOD, cfg.TEST.BEST_METRIC, save_best)
        parts["best"] = best
        hooks.append(best)
    # Evaluations are written down before a checkpoint says that they are over.
    hooks.append(WriterHook(directory, (solver.LOG_PERIOD, cfg.TEST.EVAL_PERIOD)))
    final = {"iteration": solver.MAX_ITER - 1}
    hooks.append(CheckpointHook(solver.CHECKPOINT_PERIOD, lambda: export(FINAL, final)))
    trainer = Trainer(
        step=step,
        loader=loader or functools.partial(build_train_loader, cfg),
        checkpointer=Checkpointer(directory, parts, keep=solver.KEEP),
        max_iter=solver.MAX_ITER,
        batch_size=solver.IMS_PER_BATCH,
        batches_per_step=solver.ACCUMULATE,
    )
    trainer.register_hooks(hooks)
    return trainer


def build_step(cfg: CfgNode, model: nn.Module) -> TrainingStep:
    """
    SOLVER.STEP with its optimizers, for what MODEL.FREEZE leaves to train; behind self-training if
    that is enabled.

    Raises:
        ValueError: no such step, or a model that it cannot train; or reports that would not say
            "transductive".
    """
    if cfg.MODEL.LABEL_POLICY.NAME == "Transductive" and cfg.TEST.SETTING == "inductive":
        raise ValueError(
            "MODEL.LABEL_POLICY.NAME Transductive looks for unseen classes in training images, "
            "which is not inductive; let reports say so: set TEST.SETTING to transductive."
        )
    freeze(model, cfg.MODEL.FREEZE)
    step: TrainingStep = STEP_REGISTRY.get(cfg.SOLVER.STEP).from_config(cfg, model)
    return SelfTraining.from_config(cfg, step, model) if cfg.SELF_TRAINING.ENABLED else step


def _evaluate(
    model: nn.Module,
    evaluate: Callable[[], Mapping[str, Any]],
    averaged: Callable[[], AbstractContextManager[None]],
) -> Mapping[str, Any]:
    """With the weights that would be exported, and without a trace in the training that follows."""
    agree_on_buffers(model)
    with undisturbed(), averaged():
        return evaluate()
