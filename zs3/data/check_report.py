"""The findings of check.py, for people and programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..counting import counted
from .check import ERROR, NOTICE, WARNING, Finding, PartCount

LEVELS = {ERROR: "bold red", WARNING: "yellow", NOTICE: "cyan"}  # with their styles


def print_check(counts: Sequence[PartCount], findings: Sequence[Finding], console: Console) -> None:
    """Prints a table of the parts, one of the classes of each vocabulary, and all findings."""
    console.print(_part_table(counts))
    for vocabulary in dict.fromkeys(count.part.vocabulary for count in counts):
        alike = [count for count in counts if count.part.vocabulary == vocabulary]
        console.print(_class_table(alike))
    for level, style in LEVELS.items():
        of_level = [finding for finding in findings if finding.level == level]
        for kind in dict.fromkeys(finding.kind for finding in of_level):
            found = [finding for finding in of_level if finding.kind == kind]
            console.print(Text(f"{level}: {kind} ({len(found)})", style), soft_wrap=True)
            for finding in found:
                console.print(Text(f"  {finding.part}: {finding.item}"), soft_wrap=True)
    console.print(Text(summary(findings), "bold"))


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each level."""
    return ", ".join(counted(sum(f.level == level for f in findings), level) for level in LEVELS)


def check_json(counts: Sequence[PartCount], findings: Sequence[Finding]) -> str:
    """All that `print_check` prints."""
    document = {
        "parts": [
            {
                "name": count.part.name,
                "training": count.part.is_training,
                "images": len(count.part.samples),
                "sizes": {f"{w}x{h}": n for (w, h), n in sorted(count.sizes.items())},
                "ignored_pixels": count.ignored,
                "classes": [
                    {"name": name, "seen": seen, "pixels": pixels, "images": images}
                    for name, seen, pixels, images in _rows(count)
                ],
            }
            for count in counts
        ],
        "findings": [vars(finding) for finding in findings],
        **{f"{level}s": sum(f.level == level for f in findings) for level in LEVELS},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _part_table(counts: Sequence[PartCount]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("dataset", overflow="fold")
    for heading in ("for", "images", "width x height", "labelled", "ignored"):
        table.add_column(heading, justify="right")
    for count in counts:
        pixels = count.pixels.sum() + count.ignored
        table.add_row(
            count.part.name,
            "training" if count.part.is_training else "evaluation",
            str(len(count.part.samples)),
            _sizes(count),
            _percent(count.pixels.sum(), pixels),
            _percent(count.ignored, pixels),
        )
    return table


def _class_table(counts: Sequence[PartCount]) -> Table:
    """One row a class, the unseen ones last; of every part the labelled pixels and the images."""
    table = Table(box=box.SIMPLE_HEAD, caption="% of labelled pixels", caption_justify="left")
    table.add_column("class", overflow="fold")
    table.add_column("")
    names = [count.part.name for count in counts]
    short = [name.rpartition("_")[2] for name in names]
    for name in short if len(set(short)) == len(names) else names:
        for heading in (f"{name}\npixels", "\n%", "\nimages"):
            table.add_column(heading, justify="right", overflow="fold")
    for wanted, word in ((True, "seen"), (False, "unseen")):
        for rows in zip(*map(_rows, counts), strict=True):
            name, seen = rows[0][:2]
            if seen == wanted:
                cells = [
                    cell
                    for count, (_, _, pixels, images) in zip(counts, rows, strict=True)
                    for cell in (str(pixels), _percent(pixels, count.pixels.sum()), str(images))
                ]
                table.add_row(name, word, *cells, style="" if seen else "cyan")
        table.add_section()
    return table


def _rows(count: PartCount) -> list[tuple[str, bool, int, int]]:
    """Name, whether it is seen, pixels and images of every class."""
    vocabulary = count.part.vocabulary
    numbers = count.pixels.tolist(), count.images.tolist()
    return list(zip(vocabulary.names, vocabulary.is_seen, *numbers, strict=True))


def _sizes(count: PartCount) -> str:
    if len(count.sizes) < 2:
        return "".join(f"{width} x {height}" for width, height in count.sizes)
    widths, heights = zip(*count.sizes, strict=True)
    return f"{min(widths)}-{max(widths)} x {min(heights)}-{max(heights)}"


def _percent(share: int, whole: int) -> str:
    return f"{100 * share / whole:.1f}" if whole else "-"
