"""Segments many image files, whatever state they are in, and reports on every one of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..data.reading import IMAGE_EXTENSIONS
from ..files import write_atomically
from ..vocabulary import Vocabulary
from .predictor import Segmenter


def find_images(inputs: Iterable[str | Path]) -> list[Path]:
    """
    Files as they are, folders as the images directly inside them, sorted.

    Raises:
        ValueError: an input that does not exist, or no image at all.
    """
    files: list[Path] = []
    for given in map(Path, inputs):
        if given.is_dir():
            files += sorted(
                path for path in given.iterdir() if path.suffix.lower() in IMAGE_EXTENSIONS
            )
        elif given.exists():
            files.append(given)
        else:
            raise ValueError(
                f"input {str(given)!r} does not exist; give image files or a folder of them."
            )
    if not files:
        raise ValueError(
            f"no images in {', '.join(map(str, inputs))}; looked for {' '.join(IMAGE_EXTENSIONS)}."
        )
    return files


def segment_files(
    segmenter: Segmenter,
    files: list[Path],
    output: str | Path,
    vocabulary: Vocabulary,
    overlays: bool = True,
) -> dict[str, Any]:
    """
    Writes for every readable image `labels/NAME.png` and `overlays/NAME.png`, and one
    `report.json`.

    A file that cannot be read is recorded with its reason and skipped. The report is rewritten as
    the work goes on, so that an interrupted run keeps what it had.

    Returns:
        dict: the report: "classes", "images" (file, outputs, seconds, share of pixels by class) and
            "failed"
        (file, reason).
    """
    # Names that cannot be segmented are the request's fault, not that of any image.
    segmenter.segment_batch([np.full((32, 32, 3), 128, np.uint8)], vocabulary)
    output = Path(output)
    for folder in ("labels", "overlays") if overlays else ("labels",):
        (output / folder).mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"classes": list(vocabulary.names), "images": [], "failed": []}
    names = _output_names(files)
    last_written = time.monotonic()
    for file in tqdm(files, unit="image"):
        start = time.perf_counter()
        try:
            result = segmenter.segment_batch([file], vocabulary)[0]
        except (ValueError, OSError) as error:
            report["failed"].append({"file": str(file), "reason": str(error)})
            tqdm.write(f"skipped: {error}")
            continue
        result.save(output / "labels" / names[file])
        entry = {"file": str(file), "labels": f"labels/{names[file]}"}
        if overlays:
            result.save_overlay(output / "overlays" / names[file])
            entry["overlay"] = f"overlays/{names[file]}"
        seconds = round(time.perf_counter() - start, 4)
        report["images"].append({**entry, "seconds": seconds, "found": result.found})
        if time.monotonic() - last_written > 5:
            _write(output / "report.json", report)
            last_written = time.monotonic()
    _write(output / "report.json", report)
    return report


def _output_names(files: list[Path]) -> dict[Path, str]:
    """
    NAME.png for NAME.jpg; NAME.jpg.png where two files would want the same name; numbered if even
    that is taken.
    """
    stems = Counter(file.stem.lower() for file in files)
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for file in files:
        name = f"{file.stem if stems[file.stem.lower()] == 1 else file.name}.png"
        number = 2
        while name.lower() in taken:
            name, number = f"{file.name}.{number}.png", number + 1
        names[file] = name
        taken.add(name.lower())
    return names


def _write(path: Path, report: dict[str, Any]) -> None:
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())
