"""`zs3 convert`: a published checkpoint becomes a model that zs3 loads by its directory."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .errors import say_errors

EPILOG = """
OUT then holds model_final.safetensors, config.yaml and vocabulary.json, and is what zs3.load(OUT),
`zs3 segment --model OUT` and MODEL.WEIGHTS OUT take. Published are ZegFormer, MaskFormer,
Mask2Former, ZegCLIP, Cascade-CLIP and CAT-Seg, in .pth, .pkl or .safetensors; docs/checkpoints.md
lists files and configurations.

examples:
  a released ZegFormer, and the two class lists that came with it:
      zs3 convert zegformer_R101.pth models/zegformer \\
          --config-file configs/zegformer/cocostuff_r101.yaml \\
          --classes all_classnames.json --seen seen_classnames.json \\
          MODEL.TEXT.TEMPLATES single_scene
  Mask2Former (configuration: docs/checkpoints.md), its own class names one a line:
      zs3 convert model_final_503e96.pkl models/mask2former --config-file mask2former.yaml \\
          --classes ade20k_150.txt
  what a training run ended with, without its checkpoints:
      zs3 convert output/shapes/zegformer models/shapes
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes a checkpoint of anyone's as a directory that zs3 loads."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SRC", help="a weight file, or the directory of a run")
    parser.add_argument("output", metavar="OUT", help="directory to write")
    parser.add_argument(
        "--config-file",
        metavar="FILE",
        help="configuration of the model; default: the one beside SRC",
    )
    parser.add_argument(
        "--classes",
        metavar="FILE",
        help="the names it was trained and tested on: a JSON list, or one a line; default: what "
        "stands beside SRC, or the names of the configured dataset",
    )
    parser.add_argument(
        "--seen",
        metavar="FILE",
        help="those of --classes that had training masks; default: all of them",
    )
    parser.add_argument(
        "--force", action="store_true", help="write into a directory that is not empty"
    )
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="write a model even if tensors are missing, which are then random, or left over",
    )
    parser.add_argument(
        "--trust-pickle",
        action="store_true",
        help="let SRC run code while it is read; only for files you trust",
    )
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="configuration keys to set")
    args = parser.parse_intermixed_args(arguments)
    if args.seen and not args.classes:
        parser.error("--seen says which of --classes were seen; give both.")
    say_errors(lambda: _convert(args))


def _convert(args: argparse.Namespace) -> None:
    import torch

    from ..checkpoints.weight_file import read_weights
    from ..config import get_config
    from ..engine.convert import config_beside, report, vocabulary_for, write_model
    from ..engine.weights import Fit, load_state
    from ..files import new_directory
    from ..runtime.modeling import build_model
    from ..segmentor import ZeroShotSegmentor

    with new_directory(args.output, may_hold_files=args.force) as directory:
        file = read_weights(args.source, trust_pickle=args.trust_pickle)
        config = args.config_file or config_beside(args.source)
        # Weights that the configuration names would only be overwritten.
        cfg = get_config(config, args.opts, {"MODEL.WEIGHTS": args.source})
        vocabulary = vocabulary_for(cfg, args.source, args.classes, args.seen)
        # What is missing starts at random, and the same every time.
        torch.manual_seed(0)
        model = build_model(cfg)
        assert isinstance(model, ZeroShotSegmentor)
        print(report(file, Fit.of(model, file.state)))
        load_state(model, file.state, allow_partial=args.allow_partial, source=str(file.path))
        write_model(directory, cfg, model, vocabulary, file.path)
    print(
        f"{args.output} holds the model and {len(vocabulary)} class names, "
        f"{len(vocabulary.unseen)} of them unseen"
    )
