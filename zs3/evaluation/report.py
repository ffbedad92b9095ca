"""Scores for people and programs: tables for the console, JSON and CSV for files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from ..vocabulary import Vocabulary
from .confusion import accuracy, iou, predicted_pixels

Metrics = Mapping[str, float]
Kinds = Mapping[str, Sequence[str]]  # unseen names by the kind of their novelty

_IN_TABLE = ("IoU-", "ACC-")
BY_CLASS = (*_IN_TABLE, "BIoU-")  # what scores of a single class start with


def print_report(
    results: Mapping[str, Metrics],
    vocabulary: Vocabulary | None = None,
    console: Console | None = None,
) -> None:
    """
    Prints the scores of one or more evaluations.

    Args:
        results: by the name of what was evaluated (a dataset, a method), the metrics that
            `ZeroShotEvaluator` gives under "sem_seg".
        vocabulary: adds a table of its classes.
        console: where to; standard output if left out.
    """
    console = console or Console()
    console.print(summary_table(results))
    if vocabulary is not None:
        console.print(class_table(results, vocabulary))


def print_results(
    name: str, results: Mapping[str, Metrics], vocabulary: Vocabulary | None = None
) -> None:
    """
    Prints what an evaluation of one dataset gave, a table for protocols of the same metrics.

    Args:
        name: of the dataset.
        results: metrics by `task_of` the protocols.
        vocabulary: adds a table of its classes, where there are scores of single classes.
    """
    tables: dict[str, dict[str, Metrics]] = {}
    for task, metrics in results.items():
        column = f"{name} {task.removeprefix('sem_seg').removeprefix('_')}".strip()
        tables.setdefault(next(iter(metrics)), {})[column] = metrics
    for table in tables.values():
        has_classes = any(key.startswith(_IN_TABLE) for scores in table.values() for key in scores)
        print_report(table, vocabulary if has_classes else None)


def summary_table(results: Mapping[str, Metrics]) -> Table:
    """One column an evaluation; one row a metric, those about a single class left out."""
    table = _table("in percent; - is undefined")
    table.add_column("", no_wrap=True)
    for name in results:
        table.add_column(name, justify="right", overflow="fold")
    rows = dict.fromkeys(name for metrics in results.values() for name in metrics)
    for row in rows:
        if not row.startswith(BY_CLASS):
            numbers = (_number(metrics.get(row)) for metrics in results.values())
            table.add_row(row, *numbers, style="bold" if row == "hIoU" else "")
    return table


def class_table(results: Mapping[str, Metrics], vocabulary: Vocabulary) -> Table:
    """One row a class, the unseen ones last; IoU and accuracy of every evaluation."""
    table = _table("in percent; - has no labelled pixel")
    table.add_column("class")
    table.add_column("")
    for name in results:
        prefix = f"{name}\n" if len(results) > 1 else ""
        for what in ("IoU", "accuracy"):
            table.add_column(f"{prefix}{what}", justify="right", overflow="fold")
    for split, names in (("seen", vocabulary.seen), ("unseen", vocabulary.unseen)):
        for name in names:
            cells = [
                metrics.get(f"{what}{name}") for metrics in results.values() for what in _IN_TABLE
            ]
            table.add_row(
                name, split, *map(_number, cells), style="cyan" if split == "unseen" else ""
            )
        table.add_section()
    return table


def metrics_json(results: Mapping[str, Metrics]) -> str:
    """What every JSON parser reads: an undefined score is null, not NaN."""
    defined = {
        task: {
            name: None if math.isnan(score) else round(score, 4) for name, score in metrics.items()
        }
        for task, metrics in results.items()
    }
    return json.dumps(defined, indent=1, ensure_ascii=False) + "\n"


def class_csv(
    confusion: np.ndarray,
    vocabulary: Vocabulary,
    kinds: Kinds,
    further: Mapping[str, np.ndarray] | None = None,
) -> str:
    """
    One line a class; an undefined share is empty.

    Args:
        further: percentages (K,) by column, beside IoU and accuracy.
    """
    kind_of = {name: kind for kind, names in kinds.items() for name in names}
    shares = {"IoU": iou(confusion), "accuracy": accuracy(confusion), **(further or {})}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("class", "split", "kind", *shares, "truth_pixels", "predicted_pixels"))
    truth, predicted = confusion.sum(1), predicted_pixels(confusion)
    for k, name in enumerate(vocabulary.names):
        split = "seen" if vocabulary.is_seen[k] else "unseen"
        row = (values[k] for values in shares.values())
        written = ("" if math.isnan(value) else f"{value:.4f}" for value in row)
        writer.writerow((name, split, kind_of.get(name, ""), *written, truth[k], predicted[k]))
    return text.getvalue()


def confusion_npz(confusion: np.ndarray, vocabulary: Vocabulary) -> bytes:
    """
    What `numpy.load` reads: "confusion" (K, K) int64, pixels by truth (row) and prediction
    (column); "no_class" (K,) int64, pixels by truth where the prediction is none of the K;
    "names" (K,) text; "is_seen" (K,) bool.
    """
    count, file = len(vocabulary), io.BytesIO()
    np.savez_compressed(
        file,
        confusion=confusion[:, :count],
        no_class=confusion[:, count:].sum(1),
        names=np.array(vocabulary.names),
        is_seen=np.array(vocabulary.is_seen),
    )
    return file.getvalue()


def _table(caption: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left")


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"
