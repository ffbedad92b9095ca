"""`zs3 segment`: what demo/demo.py does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .errors import say_errors

EPILOG = """
examples:
  python demo/demo.py --model output/shapes/zegformer --input photos --output segmented \\
      --classes "red star, blue ring, grass"
  python demo/demo.py --config-file FILE --input a.jpg b.jpg --output segmented \\
      --opts MODEL.WEIGHTS output/shapes/zegformer
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Segments a folder of images by the names typed."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
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
    say_errors(lambda: _segment(args))


def _segment(args: argparse.Namespace) -> None:
    from ..inference.folder import find_images, segment_files
    from ..inference.load import load

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
