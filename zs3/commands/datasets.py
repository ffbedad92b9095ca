"""`zs3 datasets`: what DATASETS.TRAIN and DATASETS.TEST may name, and what is on this disk."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from .errors import say_errors

EPILOG = """
examples:
  everything:
      zs3 datasets
  what there is of COCO-Stuff, for a script:
      zs3 datasets cocostuff --json
  in another folder than ./datasets:
      DETECTRON2_DATASETS=/data zs3 datasets
"""
_STYLES = {"ready": "green", "images only": "yellow", "not there": "dim"}


@dataclass(frozen=True)
class Row:
    """
    A registered dataset.

    Attributes:
        expected: images it should have; None: it is drawn when it is asked for.
        images, label_maps: how many are on this disk.
        status: "ready", "images only" (the command makes the label maps) or "not there" (it says
            what to download).
        command: prepares it; "" where there is nothing to do.
    """

    name: str
    classes: int
    seen: int
    unseen: int
    expected: int | None
    images: int
    label_maps: int
    status: str
    command: str = ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Lists every dataset with its split: its classes, and whether its files are here."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="?", default="", help="only names that contain this")
    parser.add_argument("--json", action="store_true", help="as a list of objects")
    args = parser.parse_args(arguments)
    say_errors(lambda: _list(args.part, args.json))


def _list(part: str, as_json: bool) -> None:
    rows = list(_rows(part))
    if not rows:
        raise ValueError(f"no dataset has {part!r} in its name; `zs3 datasets` lists all.")
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        _show(rows)


def _rows(part: str) -> Iterator[Row]:
    from ..data.datasets import IMAGE_SETS, register_all
    from ..data.image_set import file_names
    from ..runtime.data import DatasetCatalog, MetadataCatalog

    register_all()
    of_files = {s.name(split): (s, split) for s in IMAGE_SETS for split in s.splits}
    listing = cache(file_names)  # many sets share a folder
    for name in DatasetCatalog.list():
        if part in name and name in of_files:
            image_set, split = of_files[name]
            found = image_set.find(split, listing)
            row = _row(name, found.expected, found.images, found.labelled)
            yield row if row.status == "ready" else replace(row, command=image_set.command)
        elif part in name and MetadataCatalog.get(name).get("unseen"):  # not Detectron2's own
            yield _row(name, None, 0, 0)


def _row(name: str, expected: int | None, images: int, label_maps: int) -> Row:
    from ..data import vocabulary_of

    vocabulary = vocabulary_of(name)
    status = "images only" if images == expected else "not there"
    if expected is None or images == label_maps == expected:
        status = "ready"
    return Row(
        name,
        classes=len(vocabulary),
        seen=len(vocabulary.seen),
        unseen=len(vocabulary.unseen),
        expected=expected,
        images=images,
        label_maps=label_maps,
        status=status,
    )


def _show(rows: Sequence[Row]) -> None:
    from ..data.image_set import data_root

    table = Table(caption=f"DETECTRON2_DATASETS: {data_root()}", box=box.SIMPLE_HEAD)
    for heading in ("dataset", "classes", "seen", "unseen", "images", "label maps", "status"):
        is_text = heading in ("dataset", "status")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
    table.add_column("prepared by", no_wrap=True)
    for row in rows:
        sizes = map(str, (row.classes, row.seen, row.unseen))
        images = "drawn" if row.expected is None else f"{row.images}/{row.expected}"
        label_maps = "drawn" if row.expected is None else str(row.label_maps)
        style = _STYLES[row.status]
        table.add_row(row.name, *sizes, images, label_maps, row.status, row.command, style=style)
    console = Console()
    # Rather lines that wrap than names that are cut.
    wanted = Measurement.get(console, console.options.update(max_width=sys.maxsize), table).maximum
    Console(width=max(console.width, wanted)).print(table)
