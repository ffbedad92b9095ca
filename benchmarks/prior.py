#!/usr/bin/env python
"""
What the spectral prior brings to trained models: the network alone; with the prior, without labels;
and an oracle that chooses between the network's masks and the eigenvectors' by the labels.

    python benchmarks/prior.py output/shapes/spnet output/shapes/sazs
    python benchmarks/prior.py RUN --sets shapes_mixed_test \\
        --settings FUSION=diffusion,STRENGTH=0.6 FUSION=region_voting,COUNT=15  # to choose by
    python benchmarks/prior.py RUN RUN --markdown docs/methods/sazs.md

A setting is what of MODEL.SPECTRAL differs from this project's defaults, whatever the model was
trained with; without --settings it is those. A model sees every image once, whatever the number of
settings, and eigenvectors are made once for all models of a run, or of all runs with one --cache.
The table in --markdown is written after every model; rows of others stay as they are.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from tqdm import tqdm

from zs3.commands.errors import say_errors
from zs3.config import get_config
from zs3.data import build_test_loader, register_datasets
from zs3.evaluation.build import Evaluator, build_evaluators
from zs3.evaluation.episodes import ORACLE
from zs3.evaluation.oracle import Oracle
from zs3.evaluation.protocols import STANDARD, task_of
from zs3.inference.load import model_config, segmenter_of
from zs3.profiling.tables import write_between
from zs3.readout import Readout, build_readout
from zs3.runtime.config import CfgNode
from zs3.scene import Scene

BEGIN, END = "<!-- prior table: written by benchmarks/prior.py -->", "<!-- end of prior table -->"
HEADING = ("model", "set", "prior", "mIoU", "S-mIoU", "U-mIoU", "hIoU", "mBIoU", "FB-IoU")
NETWORK, LABEL_FREE = "none", "label-free"
PRIOR, KEYS = "SpectralPrior", "MODEL.SPECTRAL."


@dataclass(frozen=True)
class Contestant:
    """One way to read a model's answers, and the evaluator of it."""

    title: str
    readout: Readout
    evaluator: Evaluator


class Unread(nn.Module):
    """In the place of a readout: gives back what it is given."""

    def prepare(self, scene: Scene, logits: list[Tensor]) -> tuple[Scene, list[Tensor]]:
        return scene, logits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "models",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="output directories of train_net.py, or configurations with --opts MODEL.WEIGHTS FILE",
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        metavar="NAME",
        default=["shapes_mixed_test", "shapes_mixed_fresh"],
        help="test sets, also such of episodes (default: %(default)s)",
    )
    parser.add_argument(
        "--settings", nargs="+", metavar="KEY=VALUE,...", default=[""], help="of MODEL.SPECTRAL"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N batches")
    parser.add_argument("--no-oracle", action="store_true", help="leave it out")
    parser.add_argument("--cache", metavar="DIR", help="where eigenvectors stay for later runs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], help="for all models")
    say_errors(lambda: run(parser.parse_args()))


def run(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        common = ["OUTPUT_DIR", scratch, "MODEL.SPECTRAL.CACHE", args.cache or scratch]
        common += ["TEST.PICTURES", "0", "TEST.REPORT", "False", "TEST.BOUNDARY_IOU", "True"]
        for model in args.models:
            for name in args.sets:
                options = [*args.opts, *common, "DATASETS.TEST", str([name])]
                found = measure(model, name, options, args.settings, not args.no_oracle, args.limit)
                rows = [(title_of(model), name, *row) for row in found]
                show(rows)
                if args.markdown:
                    write_between(args.markdown, BEGIN, END, markdown(rows, args.markdown))


def measure(
    source: Path,
    name: str,
    options: Sequence[str],
    settings: Sequence[str],
    with_oracle: bool = True,
    limit: int | None = None,
) -> list[tuple[str, ...]]:
    """
    Args:
        options: KEY VALUE pairs, for the model of `source`.
        limit: batches.

    Returns:
        rows of titles and scores: the network's, a setting's each, and the oracle's between the
        network and the masks of the first setting.

    Raises:
        ValueError: a model that looks at an image several times.
    """
    cfg = model_config(source, options)
    if cfg.TEST.SLIDING_WINDOW.ENABLED or cfg.TEST.AUG.ENABLED:
        raise ValueError(
            f"{source} looks at an image several times, but here it is looked at once; set "
            "TEST.SLIDING_WINDOW.ENABLED and TEST.AUG.ENABLED False."
        )
    register_datasets(cfg)
    model = segmenter_of(cfg).model.eval()

    def contestant(title: str, setting: str | None, oracle: bool = False) -> Contestant:
        own = model_config(source, [*options, *changes(cfg, setting), "TEST.ORACLE", str(oracle)])
        readout = build_readout(own, model.text).to(model.device).eval()
        readout.load_state_dict(model.readout.state_dict(), strict=False)
        return Contestant(title, readout, build_evaluators(own, name)[0])

    titles = [setting or LABEL_FREE for setting in settings]
    contestants = [contestant(*pair) for pair in zip(titles, settings, strict=True)]
    network = contestant(NETWORK, None)
    judged = contestant(NETWORK, settings[0], oracle=True).evaluator if with_oracle else None
    loader = build_test_loader(cfg, name, network.evaluator.asked)
    model.readout = Unread()  # type: ignore[assignment]  # only `prepare` is called
    with torch.inference_mode():
        for batch in tqdm(islice(loader, limit), desc=f"{title_of(source)}, {name}"):
            scene, logits = model.prepare(batch)
            for one in (network, *contestants):
                prepared = one.readout.prepare(scene, logits)
                sizes = [(inputs["height"], inputs["width"]) for inputs in batch]
                answers = [
                    {"labels": one.readout.read(prepared, i, size).labels(model.class_chunk)}
                    for i, size in enumerate(sizes)
                ]
                one.evaluator.process(batch, answers)
                if one is network and judged is not None:
                    judged.process(batch, answers)
    rows = [
        (one.title, *cells(one.evaluator.evaluate()[task_of(STANDARD)]))
        for one in (network, *contestants)
    ]
    return [*rows, ("oracle", *cells(oracle_scores(judged)))] if judged is not None else rows


def changes(cfg: CfgNode, setting: str | None) -> list[str]:
    """
    KEY VALUE pairs that give a model the prior, or take it away if the setting is None.

    Raises:
        ValueError: a setting that is no list of KEY=VALUE.
    """
    others = [name for name in cfg.MODEL.REFINERS if name != PRIOR]
    if setting is None:
        return ["MODEL.REFINERS", str(others)]
    pairs = [pair.split("=") for pair in setting.split(",") if pair]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"setting {setting!r}: expected KEY=VALUE, with commas between several.")
    kept = ("CACHE", "WEIGHTS", "FEATURE")  # of the model, and where things are
    defaults = get_config().MODEL.SPECTRAL
    values = {key: str(value) for key, value in defaults.items() if key not in kept}
    words = [w for key, value in {**values, **dict(pairs)}.items() for w in (f"{KEYS}{key}", value)]
    return ["MODEL.REFINERS", str([PRIOR, *others]), *words]


def oracle_scores(evaluator: Evaluator) -> dict[str, float]:
    """Of an evaluator with TEST.ORACLE, of episodes or of whole label maps."""
    results = evaluator.evaluate()
    if task_of(ORACLE) in results:
        return results[task_of(ORACLE)]
    (oracle,) = (one for one in evaluator.observers if isinstance(one, Oracle))
    return oracle.scores()


def title_of(source: Path) -> str:
    """The name of a run's folder; of .../CONFIG/seed0 or CONFIG.yaml, CONFIG."""
    return source.parent.name if source.name.startswith("seed") else source.stem


def cells(scores: dict[str, float]) -> list[str]:
    numbers = (scores.get(column, math.nan) for column in HEADING[3:])
    return ["" if math.isnan(number) else f"{number:.1f}" for number in numbers]


def show(rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(*HEADING)
    for row in rows:
        table.add_row(*row)
    Console(width=140).print(table)


def markdown(rows: Sequence[tuple[str, ...]], document: Path) -> str:
    """The rows, after those of other models and sets that the document has."""
    new = {row[:2] for row in rows}
    before = document.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    old = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in before.splitlines()[3:]
        if line.startswith("|")
    ]
    kept = [row for row in old if row[:2] not in new]
    lines = [HEADING, ["---"] * 3 + ["---:"] * (len(HEADING) - 3), *kept, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
