"""`zs3 train`: what train_net.py does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..config import get_config
from ..runtime.config import CfgNode, resolve_device
from ..runtime.engine import default_argument_parser, launch
from .errors import say_errors

EPILOG = """
examples:
  train on the built-in benchmark and evaluate (two CPU cores, minutes):
      python train_net.py --config-file configs/shapes/zegformer.yaml
  on 4 GPUs, or on several machines:
      python train_net.py --config-file FILE --num-gpus 4
      torchrun --nnodes 2 --nproc-per-node 4 ... train_net.py --config-file FILE
  go on after an interruption:
      python train_net.py --config-file FILE --resume
  only evaluate:
      python train_net.py --config-file FILE --eval-only MODEL.WEIGHTS output/shapes/zegformer
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains and evaluates, or only evaluates."""
    parser = default_argument_parser(epilog=EPILOG)
    parser.add_argument(
        "--per-class", action="store_true", help="print the scores of every class as well"
    )
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="load what fits of MODEL.WEIGHTS, and list the rest",
    )
    parser.add_argument(
        "--trust-pickle",
        action="store_true",
        help="let MODEL.WEIGHTS run code while it is read; only for files you trust",
    )
    args = parser.parse_args(arguments)

    def work() -> None:
        # Before any process is started, so that a wrong key is one line and not one traceback each.
        cfg = get_config(args.config_file, args.opts)
        launch(
            _train,
            args.num_gpus,
            num_machines=args.num_machines,
            machine_rank=args.machine_rank,
            dist_url=args.dist_url,
            args=(cfg, args),
            on_gpu=resolve_device(cfg.MODEL.DEVICE).startswith("cuda"),
        )

    say_errors(work)


def _train(cfg: CfgNode, args: argparse.Namespace) -> None:
    from ..engine.run import run

    run(cfg, args)
