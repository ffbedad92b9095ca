#!/usr/bin/env python
"""
Trains every method on Shapes with several seeds, evaluates its variants, and writes the table of
README.md.

    python benchmarks/shapes.py --seeds 0 1 2                      # trains what is missing
    python benchmarks/shapes.py --config spnet zegformer_fpn       # some of the configurations
    python benchmarks/shapes.py --table-only                       # trains and evaluates nothing

Every number comes from a metrics.json that `train_net.py` wrote; runs that exist are not repeated.
A configuration that starts from another's weights (MODEL.WEIGHTS output/shapes/NAME) has that one
trained first, with the same seed; its label blocks (SOLVER.GENERATIVE.BLOCKS) are made with it.
The table is over all seeds in --output; a row with fewer there than it has in the table stays.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from zs3.commands.blocks import main as make_blocks
from zs3.config import get_config
from zs3.profiling.tables import write_between

ROOT = Path(__file__).parents[1]
STAGES = Path("output/shapes")  # where configurations look for those they start from
BLOCKS = ("--iterations", "300", "--rounds", "2", "--fuse", "8", "SOLVER.IMS_PER_BATCH", "1")
COLUMNS = ("pAcc", "mIoU", "S-mIoU", "U-mIoU", "hIoU", "U-combination", "U-shape", "U-stuff")
SETS = {"test": "shapes_mixed_test", "fresh": "shapes_mixed_fresh"}
BEGIN, END = (
    "<!-- shapes table: written by benchmarks/shapes.py -->",
    "<!-- end of shapes table -->",
)


@dataclass(frozen=True)
class Row:
    """A line of the table: a configuration to train, and what to change when it is read out."""

    title: str
    config: str
    options: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        changed = [word for word in self.options if not word.startswith("MODEL.")]
        return "-".join([self.config, *changed]).replace("[]", "none")


ROWS = (
    Row("ZegFormer, fused", "zegformer"),
    Row("ZegFormer, text head alone", "zegformer", ("MODEL.REFINERS", "[]")),
    Row(
        "ZegFormer, CLIP alone",
        "zegformer",
        ("MODEL.SECOND_LOOK.SEEN_WEIGHT", "1.0", "MODEL.SECOND_LOOK.UNSEEN_WEIGHT", "1.0"),
    ),
    Row(
        "ZegFormer, repeated proposals looked at once",
        "zegformer",
        ("MODEL.SECOND_LOOK.DUPLICATE_IOU", "0.9"),
    ),
    Row("ZegFormer, CLIP in one pass", "zegformer", ("MODEL.SECOND_LOOK.MODE", "one_pass")),
    Row("ZegFormer, published fusion", "zegformer_published_fusion"),
    Row("ZegFormer, deformable pixel decoder", "zegformer_deformable"),
    Row("ZegFormer, MaskFormer's decoders", "zegformer_fpn"),
    Row("per pixel", "spnet"),
    Row("per pixel, calibrated", "spnet", ("MODEL.SEEN_BIAS.GAMMA", "0.2")),
    Row("SPNet", "spnet_projection"),
    # Found on held-out seen classes: docs/protocol.md, "Choosing gamma".
    Row("SPNet-c", "spnet_projection", ("MODEL.SEEN_BIAS.GAMMA", "0.575")),
    Row("SPNet-c, published gamma", "spnet_projection", ("MODEL.SEEN_BIAS.GAMMA", "0.6")),
    Row("ZS3Net (layouts of unseen classes known)", "zs3net"),
    Row("CaGNet", "cagnet"),
    Row("CaGNetv2", "cagnetv2"),
    Row("SPNet + self-training (transductive)", "spnet_projection_self_training"),
    Row("ZS3Net + self-training (transductive)", "zs3net_self_training"),
    Row("CaGNet + self-training (transductive)", "cagnet_self_training"),
    Row("CAT-Seg", "cat_seg"),
    Row("per pixel, CAT-Seg's aggregation behind it", "spnet_aggregated"),
    Row("SAZS", "sazs"),
    Row("SAZS, spectral prior without labels", "sazs_spectral"),
    Row("LSeg", "lseg"),
    Row("ZegCLIP", "zegclip"),
    Row("ZegCLIP, transductive", "zegclip_transductive"),
    Row("ZegCLIP, self-training (transductive)", "zegclip_self_training"),
    Row("Cascade-CLIP", "cascade_clip"),
    Row("Cascade-CLIP, transductive", "cascade_clip_transductive"),
    Row("Cascade-CLIP, self-training (transductive)", "cascade_clip_self_training"),
    Row("Cascade-CLIP, levels added up for one decoder", "cascade_clip_sum"),
    Row("ZegFormer, named by the cascade", "zegformer_cascade"),
    Row("per pixel, named by the cascade", "spnet_cascade"),
)
# Variants that are read out from another configuration's weights.
WEIGHTS_OF = {"zegformer_published_fusion": "zegformer", "sazs_spectral": "sazs"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=ROOT / "output" / "shapes_table")
    parser.add_argument(
        "--config", nargs="+", choices=sorted({row.config for row in ROWS}), metavar="NAME"
    )
    parser.add_argument("--table-only", action="store_true", help="train and evaluate nothing")
    args = parser.parse_args()
    if not args.table_only:
        for seed in args.seeds:
            for row in ROWS:
                if not args.config or row.config in args.config:
                    measure(row, seed, args.output)
    write_table(table(args.output))


def measure(row: Row, seed: int, output: Path) -> None:
    """
    Trains the row's model unless that is done, and evaluates it on both sets unless that is done.
    """
    trained = train(WEIGHTS_OF.get(row.config, row.config), seed, output)
    if not all(metrics(output, row, seed, dataset).exists() for dataset in SETS.values()):
        target = output / "evaluated" / row.folder / f"seed{seed}"
        where = ("MODEL.WEIGHTS", str(trained), "OUTPUT_DIR", str(target))
        sets = ("DATASETS.TEST", str(list(SETS.values())))
        run(row.config, "--eval-only", *where, *sets, *row.options)


def train(config: str, seed: int, output: Path) -> Path:
    """Where the configuration's model is, trained (after those it starts from) unless it was."""
    trained = output / config / f"seed{seed}"
    if (trained / "model_final.safetensors").exists():
        return trained
    cfg = get_config(file_of(config))
    # `measure` scores it, on both sets.
    options = ["SEED", str(seed), "OUTPUT_DIR", str(trained), "DATASETS.TEST", "[]"]
    if Path(cfg.MODEL.WEIGHTS).parent == STAGES:
        start = train(Path(cfg.MODEL.WEIGHTS).name, seed, output)
        # A stage may add parts that the one before does not have.
        options = ["--allow-partial", *options, "MODEL.WEIGHTS", str(start)]
    if cfg.SOLVER.GENERATIVE.BLOCKS:
        blocks = trained.with_name("blocks.safetensors")  # the same for all seeds
        if not blocks.exists():
            blocks.parent.mkdir(parents=True, exist_ok=True)
            make_blocks(["--config-file", file_of(config), "--output", str(blocks), *BLOCKS])
        options += ["SOLVER.GENERATIVE.BLOCKS", str(blocks)]
    run(config, "--resume", *options)
    return trained


def run(config: str, *arguments: str) -> None:
    command = [sys.executable, "train_net.py", "--config-file", file_of(config), *arguments]
    print("+", *command[1:], flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


def file_of(config: str) -> str:
    return str(ROOT / "configs" / "shapes" / f"{config}.yaml")


def table(output: Path) -> str:
    """Mean over the seeds, with each hIoU; a row of more seeds is as it was, or "not run"."""
    before = {
        tuple(line.split(" | ")[:2]): line for line in (ROOT / "README.md").read_text().split("\n")
    }
    lines = [
        f"| method | set | {' | '.join(COLUMNS)} | hIoU of the seeds |",
        f"|---|---|{'---|' * (len(COLUMNS) + 1)}",
    ]
    for row in ROWS:
        for name, dataset in SETS.items():
            runs = [
                json.loads(path.read_text())["sem_seg"]
                for path in sorted(output.glob(str(metrics(Path(), row, "*", dataset))))
            ]
            means, each = [""] * len(COLUMNS), "not run"
            if runs:
                means = [
                    f"{statistics.mean(run[column] for run in runs):.1f}" for column in COLUMNS
                ]
                each = ", ".join(f"{run['hIoU']:.1f}" for run in runs)
            line = f"| {row.title} | {name} | {' | '.join(means)} | {each} |"
            old = before.get((f"| {row.title}", name), line)
            lines.append(old if seeds_of(old) > len(runs) else line)
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()})"
    lines += ["", f"IoU in %, mean of the seeds. `python benchmarks/shapes.py`, {machine}."]
    return "\n".join(lines)


def seeds_of(line: str) -> int:
    """How many seeds a line of the table is about; its last column has the hIoU of each."""
    each = line.rstrip(" |").split("|")[-1].strip()
    return 0 if each == "not run" else len(each.split(","))


def metrics(output: Path, row: Row, seed: int | str, dataset: str) -> Path:
    """Where `measure` leaves the scores of a row."""
    return (
        output / "evaluated" / row.folder / f"seed{seed}" / "inference" / dataset / "metrics.json"
    )


def write_table(text: str) -> None:
    write_between(ROOT / "README.md", BEGIN, END, text)
    print(text)


if __name__ == "__main__":
    main()
