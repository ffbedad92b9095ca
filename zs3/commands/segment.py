"""`zs3 segment`: what demo/demo.py does."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any  # settings are JSON

from ..checkpoints.weight_file import weight_file
from ..counting import counted
from ..runtime.arguments import finite, positive
from ..runtime.config import CfgNode, dump, resolve_device
from ..runtime.engine import launch
from ..runtime.utils import comm
from ..version import __version__
from .errors import say_errors

if TYPE_CHECKING:
    from ..inference.classes import Classes
    from ..inference.outputs import Outputs

EPILOG = """
examples:
  a folder and those inside it:
      python demo/demo.py --model output/shapes/zegformer --input photos --output segmented \\
          --classes "red star, blue ring, grass"
  some files, by names from a file, with what is none of them left out:
      python demo/demo.py --model DIR --input a.jpg "b/*.png" @list.txt --output segmented \\
          --classes names.txt --background "sky, wall" --none-below 0.3
  every fifth frame of a video:
      python demo/demo.py --model DIR --input clip.mp4 --every 5 --output segmented
  another weight file:
      python demo/demo.py --config-file FILE --input photos --output segmented \\
          --opts MODEL.WEIGHTS output/shapes/zegformer
  go on after an interruption; on two GPUs:
      python demo/demo.py --model DIR --input photos --output segmented --resume
      torchrun --nproc-per-node 2 demo/demo.py --model DIR --input photos --output segmented

exit code: 0 all files were segmented (or, under torchrun, any); 3 some were, report.csv says why
not the others; 1 none was, or the request cannot be met; 2 a wrong argument. See docs/segment.md.
"""

DONE, SOME_FAILED = 0, 3
# Processes wait for each other at the end only, and shares may take hours of difference.
_TIMEOUT = timedelta(days=7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Segments images and videos by the names typed. Returns the exit code."""
    args = _parser().parse_args(arguments)
    return say_errors(lambda: _run(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Segments images and videos by the names typed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config-file", metavar="FILE", help="configuration of the model")
    source.add_argument(
        "--model",
        metavar="DIR",
        help="instead of a configuration: output directory of a training run, or one on the "
        "Hugging Face hub, hub:OWNER/NAME",
    )
    parser.add_argument(
        "--input",
        nargs="+",
        default=[],
        metavar="PATH",
        help="images, videos, folders (searched to the bottom for images), patterns, @LIST",
    )
    parser.add_argument(
        "--list", action="append", default=[], metavar="FILE", help="a file of paths, one a line"
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="where the results and reports go"
    )
    parser.add_argument(
        "--classes",
        metavar="NAMES",
        help='names to segment, "red star, grass", or a .txt or .json file of them; '
        "default: those of the training data",
    )
    parser.add_argument(
        "--background",
        metavar="NAMES",
        help="names whose pixels are none of the classes, given as --classes",
    )
    parser.add_argument(
        "--none-below",
        type=finite,
        metavar="SCORE",
        help="pixels whose best score is below it are none of the classes",
    )
    parser.add_argument(
        "--batch",
        type=positive,
        default=1,
        metavar="N",
        help="images of equal size that pass through the model together (default: 1)",
    )
    parser.add_argument(
        "--every", type=positive, default=1, metavar="N", help="of videos every N-th frame"
    )
    parser.add_argument("--half", action="store_true", help="float16 where that is safe; for GPUs")
    parser.add_argument("--no-overlay", action="store_true", help="write no overlays")
    parser.add_argument("--scores", action="store_true", help="also write scores (.npz, float16)")
    parser.add_argument("--coco", action="store_true", help="also write masks as COCO RLE (.json)")
    parser.add_argument(
        "--resume", action="store_true", help="leave out what an earlier run has finished"
    )
    parser.add_argument(
        "--opts",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="KEY VALUE",
        help="configuration overrides",
    )
    return parser


def _run(args: argparse.Namespace) -> int:
    from ..inference.classes import read_classes
    from ..inference.inputs import find_inputs
    from ..inference.load import model_config
    from ..inference.outputs import Outputs

    kinds = {"labels": True, "overlay": not args.no_overlay}
    kinds |= {"scores": args.scores, "coco": args.coco}
    outputs = Outputs(Path(args.output), tuple(kind for kind, wanted in kinds.items() if wanted))
    if not args.input and not args.list:
        raise ValueError("nothing to segment; name files with --input or --list.")
    files = find_inputs(args.input, args.list, without=outputs.folders())
    classes = None if args.classes is None else read_classes(args.classes)
    background = None if args.background is None else read_classes(args.background)
    cfg = model_config(args.model or args.config_file, args.opts)
    codes: list[int] = []

    def work() -> None:
        codes.append(_segment(args, cfg, files, outputs, classes, background))

    launch(work, timeout=_TIMEOUT, on_gpu=resolve_device(cfg.MODEL.DEVICE).startswith("cuda"))
    return codes[0]


def _segment(
    args: argparse.Namespace,
    cfg: CfgNode,
    files: Mapping[Path, str],
    outputs: Outputs,
    classes: Classes | None,
    background: Classes | None,
) -> int:
    from ..inference.folder import segment_files
    from ..inference.inputs import is_video
    from ..inference.load import segmenter_of

    segmenter = segmenter_of(cfg, args.half)
    report = segment_files(
        segmenter,
        files,
        outputs,
        segmenter.request(classes, args.scores, args.none_below, background),
        batch=args.batch,
        every=args.every,
        resume=args.resume,
        settings=_settings(args, cfg),
    )
    done, failed, kept = len(report["images"]), len(report["failed"]), report["kept"]
    if not done:
        raise ValueError(
            f"none of the {counted(failed, 'file')} could be segmented; report.json says why."
        )
    if comm.is_main_process():
        what = "file" if any(map(is_video, files)) else "image"
        earlier = f" ({kept} of them by an earlier run)" if kept else ""
        folders = [folder.name for folder in outputs.folders(outputs.kinds)]
        print(
            f"{done} of {counted(done + failed, what)} segmented{earlier}; {', '.join(folders)}, "
            f"report.json and report.csv are in {outputs.folder}"
        )
    # torchrun takes any other code for a crash.
    return SOME_FAILED if failed and comm.get_world_size() == 1 else DONE


def _settings(args: argparse.Namespace, cfg: CfgNode) -> dict[str, Any]:
    """What makes a model the same one."""
    return {
        "zs3": __version__,
        "model": args.model or args.config_file,
        "options": args.opts,
        "half": args.half,
        "configuration": hashlib.sha256(dump(cfg).encode()).hexdigest(),
        "weights": _sha256(weight_file(cfg.MODEL.WEIGHTS)),
    }


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(2**20):
            digest.update(block)
    return digest.hexdigest()
