"""What an evaluation has left in its directory, read back."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON
from zipfile import BadZipFile

import numpy as np

from ..gallery import IMAGES
from ..report import BY_CLASS

CLASSES, CONFUSION, METRICS = "per_class.csv", "confusion.npz", "metrics.json"
CALIBRATION, RUN = "calibration.json", "run.json"


@dataclass(frozen=True)
class ClassScore:
    """IoU and accuracy (percent, None without a labelled pixel) and pixels of one class."""

    name: str
    is_seen: bool
    kind: str
    iou: float | None
    accuracy: float | None
    truth: int
    predicted: int


@dataclass(frozen=True)
class Evaluation:
    """
    Attributes:
        run: what tells it from the other runs on the page.
        dataset: the name of the set.
        scores: percentages (None is undefined) by task, those of single classes left out.
        classes: in label order.
        confusion: (K, K) pixels by truth and prediction; None where it was not written.
        images: "scores", "best" and "worst" of `Gallery`; {} where they were not written.
        record: of the run, with its "config" if it had one; {} where it was not written.
        calibrations: "gammas", "S", "U" and "hIoU" by protocol ("" is the standard one), of all
            runs of the model over the set that have a curve.
    """

    run: str
    dataset: str
    scores: dict[str, dict[str, float | None]]
    classes: tuple[ClassScore, ...]
    confusion: np.ndarray | None
    images: dict[str, Any]
    record: dict[str, Any]
    calibrations: dict[str, dict[str, Any]]

    @property
    def is_seen(self) -> np.ndarray:
        """(K,) bool."""
        return np.array([each.is_seen for each in self.classes])


def read_evaluations(directories: Iterable[str | Path]) -> list[Evaluation]:
    """
    Args:
        directories: those of evaluations (OUTPUT_DIR/inference/SET), or of runs, which stand for
            all their evaluations.

    Raises:
        FileNotFoundError: a directory without an evaluation.
        ValueError: a damaged file.
    """
    folders = [folder for directory in directories for folder in _folders(Path(directory))]
    folders = list(dict.fromkeys(folder.resolve() for folder in folders))
    runs = {folder: _run_of(folder) for folder in folders}
    common = Path(os.path.commonpath(runs.values()))
    return [
        _read(folder, run.name if run == common else str(run.relative_to(common)))
        for folder, run in runs.items()
    ]


def _folders(directory: Path) -> list[Path]:
    candidates = [directory, *sorted(directory.glob("inference/*"))]
    found = [
        folder
        for folder in candidates
        if (folder / METRICS).is_file() and (folder / CLASSES).is_file()
    ]
    if not found:
        raise FileNotFoundError(
            f"{directory} holds no evaluation: no {METRICS} beside a {CLASSES}, here or in "
            "inference/*. Give an OUTPUT_DIR of train_net.py, after --eval-only if need be."
        )
    return found


def _run_of(folder: Path) -> Path:
    return folder.parent.parent if folder.parent.name == "inference" else folder


def _read(folder: Path, run: str) -> Evaluation:
    classes = tuple(_classes(folder / CLASSES))
    record = _json(folder / RUN, "command", "date", "seed", "versions", "machine")
    dataset = record.get("dataset", folder.name)
    setting = record.get("setting", "inductive")
    return Evaluation(
        run=run,
        dataset=dataset if setting == "inductive" else f"{dataset} ({setting})",
        scores=_scores(folder / METRICS),
        classes=classes,
        confusion=_confusion(folder / CONFUSION, len(classes)),
        images=_json(folder / IMAGES, "scores", "best", "worst"),
        record=record,
        calibrations=dict(_calibrations(folder, record)),
    )


def _scores(path: Path) -> dict[str, dict[str, Any]]:
    """Task -> score -> value, without those of single classes."""
    tasks = _json(path)
    try:
        if not tasks:
            raise ValueError("no scores")
        return {
            task: {name: value for name, value in scores.items() if not name.startswith(BY_CLASS)}
            for task, scores in tasks.items()
        }
    except (ValueError, AttributeError) as error:
        raise _damaged(path, error) from error


def _calibrations(folder: Path, record: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Those in folders of other protocols are an earlier evaluation's if it was configured so."""
    places = {"": folder} | {place.name: place for place in sorted(folder.glob("*/"))}
    for protocol, place in places.items():
        calibration = _json(place / CALIBRATION, "gammas", "S", "U", "hIoU")
        config = record.get("config")
        is_same = place == folder or _json(place / RUN, "config").get("config") == config
        if calibration and is_same:
            yield protocol, calibration


def _json(path: Path, *keys: str) -> dict[str, Any]:
    """An object with these keys at least; {} where there is no file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: content[key] for key in keys} | content
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _classes(path: Path) -> Iterable[ClassScore]:
    with path.open(encoding="utf-8", newline="") as file:
        try:
            for row in csv.DictReader(file):
                iou, accuracy = (
                    float(row[name]) if row[name] else None for name in ("IoU", "accuracy")
                )
                pixels = int(row["truth_pixels"]), int(row["predicted_pixels"])
                is_seen = row["split"] == "seen"
                yield ClassScore(row["class"], is_seen, row["kind"], iou, accuracy, *pixels)
        except (KeyError, ValueError) as error:
            raise _damaged(path, error) from error


def _confusion(path: Path, num_classes: int) -> np.ndarray | None:
    if not path.is_file():
        return None
    try:
        confusion = np.load(path)["confusion"]
        if confusion.shape != (num_classes, num_classes):
            raise ValueError(f"{confusion.shape}, but {CLASSES} lists {num_classes} classes")
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise _damaged(path, error) from error
    return confusion


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is damaged ({type(error).__name__}: {error}); evaluate again.")
