"""Evaluation of a model on the sets of DATASETS.TEST, under the protocols of TEST.PROTOCOLS."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # metrics are nested as evaluators return them

from ..checkpoints.weight_file import VOCABULARY, weight_file
from ..data import build_test_loader, vocabulary_of
from ..evaluation import print_results
from ..evaluation.answers import answering
from ..evaluation.build import Evaluator, build_evaluators
from ..evaluation.page import PAGE, write_page
from ..evaluation.protocols import STANDARD
from ..evaluation.record import leave_record
from ..runtime.config import CfgNode, dump
from ..runtime.evaluation import inference_on_dataset
from ..runtime.utils import comm
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary

logger = logging.getLogger(__name__)
Evaluators = Mapping[str, Sequence[Evaluator]]


def planned_evaluators(cfg: CfgNode, trained: Vocabulary | None) -> Evaluators:
    """
    The evaluators of every set of DATASETS.TEST.

    Args:
        trained: the vocabulary of the training data, if it is known.

    Raises:
        ValueError: see `build_evaluators`.
    """
    for name in cfg.DATASETS.TEST:
        tested = vocabulary_of(name)
        if trained and set(tested.names) != set(trained.names) and STANDARD in cfg.TEST.PROTOCOLS:
            logger.warning(
                "%s has other names than the training data: by TEST.PROTOCOLS %r they are seen or "
                "unseen as its own split says; 'cross_dataset' goes by what training has seen.",
                name,
                STANDARD,
            )
    return {name: build_evaluators(cfg, name, trained) for name in cfg.DATASETS.TEST}


def evaluate(
    cfg: CfgNode, model: ZeroShotSegmentor, evaluators: Evaluators, per_class: bool = False
) -> dict[str, Any]:
    """
    Prints tables, and writes metrics, pictures and the report to where each evaluator writes.

    Returns:
        dict: the metrics; by the name of the set if there are several.
    """
    results: dict[str, Any] = {}
    for name, each in evaluators.items():
        results[name] = {}
        for evaluator in each:
            loader = build_test_loader(cfg, name, evaluator.asked)
            answer = answering(model, evaluator.size, evaluator.wants_rivals)
            was_training = model.training
            model.eval()
            results[name] |= inference_on_dataset(answer, loader, evaluator)
            model.train(was_training)
            if comm.is_main_process() and evaluator.output_dir:
                leave_record(evaluator, name, setting=cfg.TEST.SETTING, config=dump(cfg))
        if comm.is_main_process():
            for evaluator in each:  # once all have left theirs, of which the page shows some
                if evaluator.gallery and evaluator.output_dir:
                    write_page([evaluator.output_dir], evaluator.output_dir / PAGE)
            setting = "" if cfg.TEST.SETTING == "inductive" else f" ({cfg.TEST.SETTING})"
            print_results(name + setting, results[name], vocabulary_of(name) if per_class else None)
            folder = Path(cfg.OUTPUT_DIR) / "inference" / name
            logger.info("metrics, classes, pictures and the report are in %s", folder)
    return next(iter(results.values())) if len(results) == 1 else results


def training_vocabulary(cfg: CfgNode) -> Vocabulary | None:
    """What stands beside MODEL.WEIGHTS, else that of DATASETS.TRAIN, else nothing."""
    beside = weight_file(cfg.MODEL.WEIGHTS).parent / VOCABULARY
    if beside.exists():
        return Vocabulary.load(beside)
    return vocabulary_of(cfg.DATASETS.TRAIN[0]) if cfg.DATASETS.TRAIN else None
