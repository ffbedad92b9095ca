"""What a run does before anything else: say what it is, write its configuration down, seed."""

from __future__ import annotations

import argparse
import json
import logging
import random
from pathlib import Path

import numpy as np
import torch

from ..environment import run_record
from ..files import write_atomically
from .config import CfgNode, dump
from .utils import comm
from .utils.logger import setup_logger

logger = logging.getLogger(__name__)


def default_setup(cfg: CfgNode, args: argparse.Namespace) -> None:
    """
    Opens OUTPUT_DIR with log.txt, config.yaml and run.json (the command, versions, seed and
    machine), logs the same, seeds every generator.

    Args:
        cfg: OUTPUT_DIR, SEED (plus the process's rank; negative draws one) and CUDNN_BENCHMARK.
        args: the command line's, to be logged; with `eval_only` cuDNN does not benchmark.
    """
    rank = comm.get_rank()
    # A second run in the same process is not to be written into the first one's file.
    setup_logger.cache_clear()
    for name in ("zs3", "detectron2", "fvcore"):
        for handler in list(logging.getLogger(name).handlers):
            logging.getLogger(name).removeHandler(handler)
            handler.close()
        setup_logger(cfg.OUTPUT_DIR, distributed_rank=rank, name=name)
    logger.info("process %d of %d", rank, comm.get_world_size())
    logger.info("arguments: %s", args)
    _seed(cfg.SEED + rank if cfg.SEED >= 0 else None)
    if comm.is_main_process():
        # An evaluation must not change what a trained model is loaded with.
        suffix = "_eval" if getattr(args, "eval_only", False) else ""
        record = json.dumps(run_record(), indent=1) + "\n"
        write_atomically(Path(cfg.OUTPUT_DIR, f"run{suffix}.json"), record.encode())
        logger.info("run: %s", record)
        path = Path(cfg.OUTPUT_DIR, f"config{suffix}.yaml")
        path.write_text(dump(cfg), encoding="utf-8")
        logger.info("configuration, also in %s:\n%s", path, dump(cfg))
    if not getattr(args, "eval_only", False):
        torch.backends.cudnn.benchmark = cfg.CUDNN_BENCHMARK


def _seed(seed: int | None) -> None:
    """Seeds Python, NumPy and torch alike; None draws a seed from the operating system."""
    if seed is None:
        seed = random.SystemRandom().randrange(2**31)
        logger.info("SEED is negative; drew %d", seed)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
