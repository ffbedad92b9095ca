"""What `train_net.py` does: train, evaluate, and leave a directory that `zs3.load` takes."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any  # metrics are nested as evaluators return them

from ..data import build_test_loader, register_datasets, vocabulary_of
from ..evaluation import ZeroShotEvaluator, print_report
from ..runtime.config import CfgNode
from ..runtime.engine import default_setup
from ..runtime.evaluation import inference_on_dataset
from ..runtime.modeling import build_model
from ..runtime.utils import comm
from ..segmentor import ZeroShotSegmentor
from .build import build_trainer
from .weights import FINAL, load_weights

logger = logging.getLogger(__name__)
VOCABULARY = "vocabulary.json"


def run(cfg: CfgNode, args: argparse.Namespace) -> None:
    """
    Trains and evaluates, or only evaluates.

    Args:
        args: `resume` continues the run in OUTPUT_DIR if there is one; `eval_only` trains nothing;
            `per_class` prints a table of all classes as well.

    Raises:
        ValueError, FileNotFoundError: a configuration, dataset or weights that cannot be worked
            with.
    """
    register_datasets(cfg)
    vocabularies = {name: vocabulary_of(name) for name in (*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST)}
    what, needed = ("evaluate", "TEST") if args.eval_only else ("train on", "TRAIN")
    if not cfg.DATASETS[needed]:
        raise ValueError(f"there is nothing to {what}: DATASETS.{needed} is empty.")
    default_setup(cfg, args)
    model = build_model(cfg)
    assert isinstance(model, ZeroShotSegmentor)
    if cfg.MODEL.WEIGHTS:
        load_weights(model, cfg.MODEL.WEIGHTS)
    if args.eval_only:
        evaluate(cfg, model, args.per_class)
        return

    evaluation = (lambda: evaluate(cfg, model)) if cfg.DATASETS.TEST else None
    trainer = build_trainer(cfg, model, evaluate=evaluation)
    if comm.is_main_process():
        vocabularies[cfg.DATASETS.TRAIN[0]].save(Path(cfg.OUTPUT_DIR) / VOCABULARY)
    if args.resume:
        trainer.resume()
    trainer.train()
    comm.synchronize()
    if cfg.DATASETS.TEST and (args.per_class or not cfg.TEST.EVAL_PERIOD):
        load_weights(model, Path(cfg.OUTPUT_DIR) / FINAL)
        evaluate(cfg, model, args.per_class)


def evaluate(cfg: CfgNode, model: ZeroShotSegmentor, per_class: bool = False) -> dict[str, Any]:
    """
    Every set of DATASETS.TEST: prints the table, and writes metrics and pictures to
    OUTPUT_DIR/inference/SET.

    Returns:
        dict: the metrics; by the name of the set if there are several.
    """
    results: dict[str, Any] = {}
    for name in cfg.DATASETS.TEST:
        folder = Path(cfg.OUTPUT_DIR) / "inference" / name
        evaluator = ZeroShotEvaluator.of_dataset(
            name, folder, cfg.TEST.PICTURES, cfg.TEST.PROTOCOLS
        )
        loader = build_test_loader(cfg, name)
        was_training = model.training
        model.eval()
        results[name] = inference_on_dataset(model.labels, loader, evaluator)
        model.train(was_training)
        if comm.is_main_process():
            print_report(
                {name: results[name]["sem_seg"]}, vocabulary_of(name) if per_class else None
            )
            logger.info("metrics, classes and pictures are in %s", folder)
    return results[cfg.DATASETS.TEST[0]] if len(results) == 1 else results
