"""`zs3 evaluate`: scores the label PNGs of any system."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..runtime.arguments import positive
from .errors import say_errors

if TYPE_CHECKING:
    from ..vocabulary import Vocabulary

EPILOG = """
examples:
  what another code base has predicted for a registered dataset:
      zs3 evaluate --predictions THEIRS --dataset NAME --output scores
  for the validation part of your own data, under the names that their values stand for:
      zs3 evaluate --predictions THEIRS --dataset streets.yaml --names classes.json --output scores
  value 1 is the first class, 0 is "nothing found"; scored as MMSegmentation does, on 8 processes:
      zs3 evaluate --predictions THEIRS --dataset NAME --offset 1 --ignore 0 \\
          --protocol generalized mmseg --jobs 8 --output scores
  only unseen names were asked for:
      zs3 evaluate --predictions THEIRS --dataset NAME --protocol unseen --output scores
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Scores label PNGs, 8 or 16 bits, that any system has predicted for a dataset."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--predictions",
        required=True,
        metavar="DIR",
        help="a PNG of every image, called like it, or like its label map; of the label map's size",
    )
    parser.add_argument(
        "--dataset",
        required=True,
        metavar="NAME",
        help="a registered dataset, or the YAML file that describes your own",
    )
    parser.add_argument(
        "--part", default="val", help="part of a described dataset: train or val (default)"
    )
    parser.add_argument(
        "--protocol",
        nargs="+",
        default=["generalized"],
        metavar="NAME",
        help="evaluations that ask for the same names; see docs/protocol.md (default: generalized)",
    )
    parser.add_argument(
        "--trained",
        metavar="NAME",
        help="for cross_dataset: the dataset the system was trained on, or a vocabulary.json",
    )
    parser.add_argument(
        "--names",
        metavar="FILE",
        help="names of the values, as JSON or YAML: a list, {value: name} or {name: value}; "
        "default: value k is the k-th name that competes",
    )
    parser.add_argument(
        "--offset", type=int, default=0, metavar="N", help="value of the first name (default: 0)"
    )
    parser.add_argument(
        "--ignore",
        type=int,
        nargs="+",
        default=[],
        metavar="VALUE",
        help="values of pixels for which nothing is predicted; they count as wrong",
    )
    parser.add_argument(
        "--boundary-iou", action="store_true", help="also compare the boundaries of masks"
    )
    parser.add_argument(
        "--per-class", action="store_true", help="print the scores of every class as well"
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="processes that read and count"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="where metrics.json, per_class.csv, confusion.npz and the page about them go",
    )
    args = parser.parse_args(arguments)
    say_errors(lambda: _evaluate(args))


def _evaluate(args: argparse.Namespace) -> None:
    from ..data import load_dataset
    from ..data.mapper import SampleReader
    from ..evaluation import Gallery, ZeroShotEvaluator, print_results
    from ..evaluation.boundary import BoundaryIoU
    from ..evaluation.build import class_colours
    from ..evaluation.folds import EPISODES
    from ..evaluation.page import PAGE, write_page
    from ..evaluation.predictions import answer_table, pair_up, read_names
    from ..evaluation.protocols import PROTOCOLS, STANDARD, runs
    from ..evaluation.questions import across_datasets
    from ..evaluation.record import leave_record
    from ..evaluation.scoring import FileScorer, score_files
    from ..files import ready_to_write
    from ..runtime.data import MetadataCatalog

    if args.names and args.offset:
        raise ValueError("--names says what every value is; it leaves no --offset to give.")
    ready_to_write(Path(args.output, "metrics.json"))
    name, images = _registered(args.dataset, args.part)
    samples, metadata = load_dataset(name), MetadataCatalog.get(name)
    if metadata.get("evaluator_type") == EPISODES:
        raise ValueError(
            f"{name} asks for one class an episode and for several in one image, which files named "
            "like images cannot tell apart; evaluate the model itself (--eval-only)."
        )
    protocol = runs(args.protocol)[0][0]
    first = PROTOCOLS[protocol]
    if first.ask is across_datasets and not args.trained:
        raise ValueError(
            f"protocol {protocol!r} goes by what the system was trained on; name that with "
            "--trained: a dataset, or a vocabulary.json."
        )
    question = first.ask(metadata, _trained(args.trained))
    question = replace(question, may_be_silent=bool(args.ignore))
    answers = answer_table(
        question, read_names(args.names) if args.names else None, args.offset, args.ignore
    )
    colours = class_colours(question, metadata.get("palette"))
    has_page = STANDARD in args.protocol
    evaluator = ZeroShotEvaluator.of_dataset(
        name,
        args.output,
        protocols=args.protocol,
        measures=[BoundaryIoU(len(question.scored))] if args.boundary_iou else [],
        observers=[Gallery(args.output, question.scored, colours=colours)] if has_page else [],
        question=question,
    )
    pairs = pair_up(samples, args.predictions, images)
    scorer = FileScorer(evaluator, SampleReader.of_dataset(name), answers)
    results = score_files(scorer, pairs, args.jobs)
    leave_record(evaluator, name)
    if has_page:
        write_page([args.output], Path(args.output, PAGE))
    print_results(name, results, question.scored if args.per_class else None)
    written = f"metrics.json, per_class.csv, confusion.npz{f' and {PAGE}' if has_page else ''}"
    print(f"{written} are in {Path(args.output)}")


def _registered(dataset: str, part: str) -> tuple[str, Callable[[], Collection[str]]]:
    """
    The name of a dataset that is registered, or that a file describes; and how to learn what all
    images in the latter's folders are called.
    """
    from ..data.catalog import register_folder
    from ..data.datasets import register_all

    register_all()
    if not dataset.lower().endswith((".yaml", ".yml")):
        return dataset, frozenset
    described = register_folder(dataset)
    if part not in described.parts:
        raise ValueError(f"{dataset} has no part {part!r}; it has {', '.join(described.parts)}.")
    return f"{described.name}_{part}", described.image_names


def _trained(source: str | None) -> Vocabulary | None:
    from ..data import vocabulary_of
    from ..vocabulary import Vocabulary

    if source is None:
        return None
    return Vocabulary.load(source) if source.endswith(".json") else vocabulary_of(source)
