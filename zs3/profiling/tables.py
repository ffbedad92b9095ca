"""Measurements as tables: a column each, for the console and for documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ..files import write_atomically
from .laps import STAGES, total
from .measure import Measurement, Subject, ratios

if TYPE_CHECKING:
    from .counting import ModelSize

Rows = list[list[str]]  # the first row is the heading, the first column says what a row is


def measurement_rows(measurements: Sequence[Measurement]) -> Rows:
    """Speed, memory and stages."""
    return [
        *_subject_rows([(m.subject, m.about["classes"]) for m in measurements]),
        ["images/s", *(_three_digits(m.images_per_second) for m in measurements)],
        ["step, median (ms)", *(_ms(m.median) for m in measurements)],
        ["step, p90 (ms)", *(_ms(m.p90) for m in measurements)],
        ["rounds, from - to (ms)", *(" - ".join(map(_ms, m.spread)) for m in measurements)],
        ["model (MB)", *(_mb(m.about["model_bytes"]) for m in measurements)],
        ["peak above it (MB)", *(_mb(m.about["peak_bytes"]) for m in measurements)],
        *(
            [f"{stage} (ms)", *(_ms(m.stages.get(stage)) for m in measurements)]
            for stage in STAGES
            if any(stage in m.stages for m in measurements)
        ),
    ]


def size_rows(sizes: Sequence[tuple[Subject, ModelSize]]) -> Rows:
    """Parameters and multiply-adds."""
    found = [size for _, size in sizes]
    parts = dict.fromkeys(part for size in found for part in size.parameters)
    stages = [s for s in STAGES if any(size.step.by_stage.get(s) for size in found)]
    return [
        *_subject_rows([(subject, size.classes) for subject, size in sizes]),
        ["parameters, in brackets trained (M)", *(_parameters(size) for size in found)],
        *([f"  {part}", *(_parameters(size, part) for size in found)] for part in parts),
        ["multiply-adds, text embedded (G)", *(_giga(total(size.step.by_stage)) for size in found)],
        *(
            [f"  {stage}", *(_giga(size.step.by_stage.get(stage, 0)) for size in found)]
            for stage in stages
        ),
        ["to embed the text, once (G)", *(_giga(size.prompt * size.prompts) for size in found)],
        ["  prompts", *(str(size.prompts) for size in found)],
        ["  a prompt (G)", *(_giga(size.prompt) for size in found)],
    ]


def size_notes(sizes: Sequence[tuple[Subject, ModelSize]]) -> list[str]:
    """What the counts leave out."""
    said = ["A multiply-add counts one, as fvcore has it; count two for operations (FLOPs)."]
    for subject, size in sizes:
        left_out = ", ".join(f"{op} ({n})" for op, n in size.step.not_counted.items())
        said.append(f"{subject.name}, not counted: {left_out}.")
    return list(dict.fromkeys(said))


def ratio_rows(this: Measurement, other: Measurement) -> Rows:
    """Time of `this` over time of `other`, and of stages that matter; below 1, `this` is faster."""
    rows = [["", "time ratio, median", "of the rounds"]]
    weighty = [stage for stage in STAGES if _counts(this, stage) and _counts(other, stage)]
    for stage in (None, *weighty):
        found = ratios(this, other, stage)
        spread = f"{min(found):.2f} - {max(found):.2f}"
        rows.append([stage or "step", f"{median(found):.2f}", spread])
    return rows


def _counts(measurement: Measurement, stage: str) -> bool:
    """Whether a stage takes a hundredth of a step."""
    return measurement.stages.get(stage, 0.0) > measurement.median / 100


def notes(measurements: Sequence[Measurement]) -> list[str]:
    """What a reader of the table has to know beside it."""
    return list(dict.fromkeys(note for m in measurements for note in _notes(m)))


def _notes(measurement: Measurement) -> list[str]:
    name, about = measurement.subject.name, measurement.about
    said = [about["machine"], f"{name}: {about['weights']}"]
    each = about["seconds_a_prompt"]
    if each is not None and not measurement.subject.workload.training:
        seconds = _three_digits(each * about["prompts"])
        said.append(
            f"{name}: {about['classes']} names are {about['prompts']} prompts of {_ms(each)} ms; "
            f"embedded once a vocabulary, {seconds} s that are not in the table."
        )
    return said


def print_table(rows: Rows, notes: Sequence[str] = (), console: Console | None = None) -> None:
    """Numbers to the right, notes below."""
    heading, *body = rows
    table = Table(*heading[:1], box=box.SIMPLE_HEAD)
    for name in heading[1:]:
        table.add_column(name, justify="right", overflow="fold")
    for row in body:
        table.add_row(*row)
    console = console or Console()
    console.print(table)
    for note in notes:
        console.print(note, highlight=False, markup=False)


def markdown(rows: Rows) -> str:
    """A table for a document."""
    heading, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([heading, f"|---|{'---:|' * (len(rows[0]) - 1)}", *body])


def around(path: Path, begin: str, end: str) -> tuple[str, str]:
    """
    What stands before and after two lines of a document.

    Raises:
        OSError, ValueError: no such document, or it lacks one of the lines.
    """
    document = path.read_text(encoding="utf-8")
    before, found_begin, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{path} lacks the line {end if found_begin else begin!r}.")
    return before, after


def write_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replaces what stands between two lines of a document; errors as `around`."""
    before, after = around(path, begin, end)
    write_atomically(path, f"{before}{begin}\n{text}\n{end}{after}".encode())


def _subject_rows(subjects: Sequence[tuple[Subject, int]]) -> Rows:
    """What the columns are about; with the number of names of each."""
    workloads = [subject.workload for subject, _ in subjects]
    return [
        ["", *(subject.name for subject, _ in subjects)],
        ["step", *(workload.task for workload in workloads)],
        ["image (pixels)", *("{}x{}".format(*workload.size) for workload in workloads)],
        ["images a step", *(str(workload.batch) for workload in workloads)],
        ["names", *(str(classes) for _, classes in subjects)],
    ]


def _parameters(size: ModelSize, part: str | None = None) -> str:
    if part is not None and part not in size.parameters:
        return "-"
    held = list(size.parameters.values()) if part is None else [size.parameters[part]]
    total, trained = sum(h.total for h in held), sum(h.trained for h in held)
    return f"{total / 1e6:.2f} ({trained / 1e6:.2f})"


def _giga(count: float) -> str:
    return f"{count / 1e9:.2f}" if count >= 1e9 else f"{count / 1e9:.3g}"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else _three_digits(1000 * seconds)


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:#.3g}"


def _mb(count: int | None) -> str:
    return "not told" if count is None else f"{count / 1e6:.0f}"
