"""What `train_net.py` does: train, evaluate, and leave a directory that `zs3.load` takes."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path

import torch

from ..checkpoints.weight_file import FINAL, VOCABULARY, weight_file
from ..data import register_datasets, vocabulary_of
from ..runtime.config import CfgNode
from ..runtime.engine import default_setup
from ..runtime.modeling import build_model
from ..runtime.utils import comm
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary
from .build import build_trainer
from .checkpointer import Checkpointer
from .evaluate import evaluate, planned_evaluators, training_vocabulary
from .randomness import undisturbed
from .weights import load_weights

logger = logging.getLogger(__name__)


def run(cfg: CfgNode, args: argparse.Namespace) -> None:
    """
    Trains and evaluates, or only evaluates.

    Args:
        args: `resume` continues the run in OUTPUT_DIR if there is one; `eval_only` trains nothing
            and takes MODEL.WEIGHTS, or those in OUTPUT_DIR; `per_class` prints a table of all
            classes as well; `allow_partial` and `trust_pickle` are for MODEL.WEIGHTS.

    Raises:
        ValueError, FileNotFoundError: a configuration, dataset or weights that cannot be worked
            with.
    """
    register_datasets(cfg)
    vocabularies = {name: vocabulary_of(name) for name in (*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST)}
    what, needed = ("evaluate", "TEST") if args.eval_only else ("train on", "TRAIN")
    if not cfg.DATASETS[needed]:
        raise ValueError(f"there is nothing to {what}: DATASETS.{needed} is empty.")
    cfg = _with_weights(cfg) if args.eval_only else cfg
    if cfg.MODEL.WEIGHTS:
        weight_file(cfg.MODEL.WEIGHTS)  # or refuses, before anything is built or set aside
    if comm.is_main_process() and not (args.eval_only or args.resume):
        directory = Checkpointer(cfg.OUTPUT_DIR, {}, keep=0)
        directory.set_earlier_run_aside(
            "config.yaml", VOCABULARY, "log.txt", "run.json", "inference"
        )
    comm.synchronize()
    default_setup(cfg, args)
    trained = training_vocabulary(cfg) if args.eval_only else vocabularies[cfg.DATASETS.TRAIN[0]]
    evaluators = planned_evaluators(cfg, trained)
    model = build_model(cfg)
    assert isinstance(model, ZeroShotSegmentor)
    if cfg.MODEL.WEIGHTS:
        load_weights(
            model,
            cfg.MODEL.WEIGHTS,
            allow_partial=args.allow_partial,
            trust_pickle=args.trust_pickle,
        )
    asked = [evaluator.asked for each in evaluators.values() for evaluator in each]
    rehearse(model, [*(vocabularies[name] for name in cfg.DATASETS.TRAIN), *asked])
    if args.eval_only:
        evaluate(cfg, model, evaluators, args.per_class)
        return

    evaluation = (lambda: evaluate(cfg, model, evaluators)) if cfg.DATASETS.TEST else None
    trainer = build_trainer(cfg, model, evaluate=evaluation)
    if comm.is_main_process():
        vocabularies[cfg.DATASETS.TRAIN[0]].save(Path(cfg.OUTPUT_DIR) / VOCABULARY)
    if args.resume and not trainer.resume():
        logger.warning("%s holds no checkpoint to resume; starting anew.", cfg.OUTPUT_DIR)
    trainer.train()
    comm.synchronize()
    if cfg.DATASETS.TEST and (args.per_class or not cfg.TEST.EVAL_PERIOD):
        load_weights(model, Path(cfg.OUTPUT_DIR) / FINAL)
        evaluate(cfg, model, evaluators, args.per_class)


def rehearse(model: ZeroShotSegmentor, vocabularies: Iterable[Vocabulary]) -> None:
    """
    Asks about every name once, on a grey image: what cannot be embedded, and parts that do not fit
    together, are refused before the first iteration and not after the last.
    """
    grey = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    was_training = model.training
    model.eval()
    with undisturbed(), torch.inference_mode():
        for vocabulary in dict.fromkeys(vocabularies):
            (maps,) = model.predict_whole([{"image": grey, "vocabulary": vocabulary}])
            maps.labels(model.class_chunk)
    model.train(was_training)


def _with_weights(cfg: CfgNode) -> CfgNode:
    """The configuration with weights to evaluate: those it names, else those of its OUTPUT_DIR."""
    if cfg.MODEL.WEIGHTS:
        return cfg
    try:
        weight_file(cfg.OUTPUT_DIR)
    except FileNotFoundError as error:
        raise ValueError(
            f"there are no weights to evaluate in OUTPUT_DIR {cfg.OUTPUT_DIR}; name some: "
            "MODEL.WEIGHTS FILE."
        ) from error
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL.WEIGHTS = str(cfg.OUTPUT_DIR)
    cfg.freeze()
    return cfg
