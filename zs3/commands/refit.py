"""`zs3 refit`: a model that generates features learns other names, without an image."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..runtime.arguments import positive
from .errors import say_errors

EPILOG = """
CaGNet's and ZS3Net's classifiers belong to the names they were trained for. Their generators make
features of any name, and from those a classifier for other names is trained.

examples:
  zs3 refit output/shapes/cagnet models/mine --classes mine.txt
  zs3 refit output/shapes/cagnet models/mine --classes mine.txt --iterations 5000
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes a model of the same weights, but with a classifier for other names."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="MODEL", help="the directory of a run")
    parser.add_argument("output", metavar="OUT", help="directory to write")
    parser.add_argument(
        "--classes", metavar="FILE", required=True, help="the names: a JSON list, or one a line"
    )
    parser.add_argument(
        "--iterations", type=positive, default=2000, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--force", action="store_true", help="write into a directory that is not empty"
    )
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="configuration keys to set")
    args = parser.parse_intermixed_args(arguments)
    say_errors(lambda: _refit(args))


def _refit(args: argparse.Namespace) -> None:
    import torch

    from ..checkpoints.weight_file import read_weights
    from ..config import get_config
    from ..engine.convert import config_beside, write_model
    from ..engine.refit import model_for, refit
    from ..files import new_directory
    from ..vocabulary import Vocabulary

    vocabulary = Vocabulary.load(args.classes)
    with new_directory(args.output, may_hold_files=args.force) as directory:
        file = read_weights(args.source)
        # A path tells the model's parts that weights are coming.
        settled = {"MODEL.WEIGHTS": args.source, "MODEL.NAMING.NUM_CLASSES": len(vocabulary)}
        cfg = get_config(config_beside(args.source), args.opts, settled)
        torch.manual_seed(cfg.SEED)
        model = model_for(cfg, file, vocabulary)
        refit(model, iterations=args.iterations)
        write_model(directory, cfg, model, vocabulary, file.path)
    print(f"{args.output} holds the model for {len(vocabulary)} class names")
