"""What `train_net.py` does: train, evaluate, and leave a directory that `zs3.load` takes."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any  # metrics are nested as evaluators return them

import torch

from ..checkpoints.weight_file import FINAL, VOCABULARY, weight_file
from ..data import build_test_loader, register_datasets, vocabulary_of
from ..environment import run_record
from ..evaluation import ZeroShotEvaluator, print_report
from ..evaluation.build import build_evaluator
from ..evaluation.gallery import IMAGES
from ..evaluation.page import PAGE, RUN, write_page
from ..files import write_atomically
from ..runtime.config import CfgNode, dump
from ..runtime.engine import default_setup
from ..runtime.evaluation import inference_on_dataset
from ..runtime.modeling import build_model
from ..runtime.utils import comm
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary
from .build import build_trainer
from .checkpointer import Checkpointer
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
    if comm.is_main_process() and not (args.eval_only or args.resume):
        directory = Checkpointer(cfg.OUTPUT_DIR, {}, keep=0)
        directory.set_earlier_run_aside(
            "config.yaml", VOCABULARY, "log.txt", "run.json", "inference"
        )
    comm.synchronize()
    default_setup(cfg, args)
    model = build_model(cfg)
    assert isinstance(model, ZeroShotSegmentor)
    if cfg.MODEL.WEIGHTS:
        load_weights(
            model,
            cfg.MODEL.WEIGHTS,
            allow_partial=args.allow_partial,
            trust_pickle=args.trust_pickle,
        )
    rehearse(model, vocabularies.values())
    if args.eval_only:
        evaluate(cfg, model, args.per_class)
        return

    evaluation = (lambda: evaluate(cfg, model)) if cfg.DATASETS.TEST else None
    trainer = build_trainer(cfg, model, evaluate=evaluation)
    if comm.is_main_process():
        vocabularies[cfg.DATASETS.TRAIN[0]].save(Path(cfg.OUTPUT_DIR) / VOCABULARY)
    if args.resume and not trainer.resume():
        logger.warning("%s holds no checkpoint to resume; starting anew.", cfg.OUTPUT_DIR)
    trainer.train()
    comm.synchronize()
    if cfg.DATASETS.TEST and (args.per_class or not cfg.TEST.EVAL_PERIOD):
        load_weights(model, Path(cfg.OUTPUT_DIR) / FINAL)
        evaluate(cfg, model, args.per_class)


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


def evaluate(cfg: CfgNode, model: ZeroShotSegmentor, per_class: bool = False) -> dict[str, Any]:
    """
    Every set of DATASETS.TEST: prints the table, and writes metrics, pictures and the report to
    OUTPUT_DIR/inference/SET.

    Returns:
        dict: the metrics; by the name of the set if there are several.
    """
    results: dict[str, Any] = {}
    for name in cfg.DATASETS.TEST:
        folder = Path(cfg.OUTPUT_DIR) / "inference" / name
        evaluator = build_evaluator(cfg, name, folder)
        loader = build_test_loader(cfg, name)
        was_training = model.training
        model.eval()
        results[name] = inference_on_dataset(model.labels, loader, evaluator)
        model.train(was_training)
        if comm.is_main_process():
            tables = {name: results[name]["sem_seg"]}
            if "sem_seg_oracle" in results[name]:
                tables[f"{name}, chosen by the labels"] = results[name]["sem_seg_oracle"]
            print_report(tables, vocabulary_of(name) if per_class else None)
            _report(cfg, folder, with_page=isinstance(evaluator, ZeroShotEvaluator))
            logger.info("metrics, classes, pictures and the report are in %s", folder)
    return results[cfg.DATASETS.TEST[0]] if len(results) == 1 else results


def _report(cfg: CfgNode, folder: Path, *, with_page: bool) -> None:
    """What has made the scores in a folder, and the page about them."""
    record = json.dumps(run_record() | {"config": dump(cfg)}, indent=1) + "\n"
    write_atomically(folder / RUN, record.encode())
    if cfg.TEST.REPORT and with_page:
        write_page([folder], folder / PAGE)
        return
    for stale in (IMAGES, PAGE):  # of an earlier evaluation; they would be taken for this one's
        (folder / stale).unlink(missing_ok=True)
