#!/usr/bin/env python
"""Makes eigenvectors of images, or the masks that are their positive sides."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from zs3.commands.errors import say_errors
from zs3.commands.segment import DONE, SOME_FAILED
from zs3.inference.inputs import find_inputs
from zs3.runtime.arguments import positive
from zs3.spectral.folder import LAYOUTS, make_masks

EPILOG = """
examples:
  as SAZS has them (its own options are unknown), of PASCAL VOC; five NAME_k*.png an image:
      python datasets/prepare/spectral_masks.py --images datasets/VOCdevkit/VOC2012/JPEGImages \\
          --output datasets/pascal_k5 --jobs 8 --opts MODEL.SPECTRAL.FEATURES dino_vits16 \\
          MODEL.SPECTRAL.WEIGHTS dino_deitsmall16_pretrain.pth MODEL.SPECTRAL.STRIDE 0 \\
          MODEL.SPECTRAL.COLOUR_WEIGHT 0.0 MODEL.SPECTRAL.COUNT 5
  of colours alone, which needs no weights; one NAME.npz an image:
      python datasets/prepare/spectral_masks.py --images photos --output eigen --layout compact
an interrupted run goes on where it was.

exit code: 0 all images have their masks; 3 some could not be read, and are named at the end; 1 none
or wrong arguments
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", nargs="+", required=True, metavar="PATH", help="image files, or folders of them"
    )
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="where to write")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default=LAYOUTS[0],
        help="masks as PNG files, or eigenvectors (default: %(default)s)",
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: one a core, %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="make again what is there already")
    parser.add_argument(
        "--opts",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="KEY VALUE",
        help="MODEL.SPECTRAL.* (zs3/config/refinement.py)",
    )
    args = parser.parse_args(arguments)

    def work() -> int:
        files = list(find_inputs(args.images))
        made = make_masks(
            files, args.output, args.opts, layout=args.layout, jobs=args.jobs, force=args.force
        )
        for reason in made.failed.values():
            print(f"failed: {reason}", file=sys.stderr)
        if len(made.failed) == len(files):
            raise ValueError(f"none of the {len(files)} images could be used.")
        print(
            f"{made.done} of {len(files)} images done now; {len(files) - len(made.failed)} are in "
            f"{args.output}"
        )
        return SOME_FAILED if made.failed else DONE

    return say_errors(work)


if __name__ == "__main__":
    sys.exit(main())
