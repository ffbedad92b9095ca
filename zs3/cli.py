"""The command `zs3`: what train_net.py and demo/demo.py do, from anywhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .config import get_config
from .runtime.config import CfgNode, resolve_device
from .runtime.engine import default_argument_parser, launch

TRAIN_EPILOG = """
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
SEGMENT_EPILOG = """
examples:
  python demo/demo.py --model output/shapes/zegformer --input photos --output segmented \\
      --classes "red star, blue ring, grass"
  python demo/demo.py --config-file FILE --input a.jpg b.jpg --output segmented \\
      --opts MODEL.WEIGHTS output/shapes/zegformer
"""


def train(arguments: Sequence[str] | None = None) -> None:
    """Trains and evaluates, or only evaluates."""
    parser = default_argument_parser(epilog=TRAIN_EPILOG)
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

    _say_errors(work)


def _train(cfg: CfgNode, args: argparse.Namespace) -> None:
    from .engine.run import run

    run(cfg, args)


def segment(arguments: Sequence[str] | None = None) -> None:
    """Segments a folder of images by the names typed."""
    parser = argparse.ArgumentParser(
        description=segment.__doc__,
        epilog=SEGMENT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config-file", metavar="FILE", help="configuration of the model")
    source.add_argument(
        "--model",
        metavar="DIR",
        help="output directory of a training run, instead of a configuration",
    )
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="PATH",
        help="image files, or a folder of images",
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="where labels, overlays and report.json go"
    )
    parser.add_argument(
        "--classes",
        metavar="NAMES",
        help='names to segment, e.g. "red star, grass"; default: those of the training data',
    )
    parser.add_argument(
        "--opts",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="KEY VALUE",
        help="configuration overrides",
    )
    args = parser.parse_args(arguments)
    _say_errors(lambda: _segment(args))


def _segment(args: argparse.Namespace) -> None:
    from .inference.folder import find_images, segment_files
    from .inference.load import load

    files = find_images(args.input)
    segmenter = load(args.model or args.config_file, args.opts)
    report = segment_files(segmenter, files, args.output, segmenter.vocabulary(args.classes))
    done, failed = len(report["images"]), len(report["failed"])
    print(
        f"{done} of {done + failed} images segmented; "
        f"labels, overlays and report.json are in {Path(args.output)}"
    )
    if not done:
        raise ValueError(f"none of the {failed} images could be read; report.json says why.")


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {"train": train, "segment": segment}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="zs3", description="Zero-shot and open-vocabulary segmentation."
    )
    parser.add_argument(
        "command", choices=COMMANDS, help="train: as train_net.py; segment: as demo/demo.py"
    )
    args = parser.parse_args(sys.argv[1:2])
    sys.argv[0] = f"zs3 {args.command}"  # what argparse calls the program in its usage
    COMMANDS[args.command](sys.argv[2:])


def _say_errors(work: Callable[[], None]) -> None:
    """Bad input ends in one line, not in a traceback."""
    try:
        work()
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None
