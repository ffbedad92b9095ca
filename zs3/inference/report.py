"""What became of every file of a run: report.json for programs, report.csv for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any  # JSON

from ..files import write_atomically
from ..runtime.utils import comm

Entry = dict[str, Any]

JSON, CSV = "report.json", "report.csv"
# Seconds between two writes, and how many times longer than a write itself that is at least.
_PERIOD, _FACTOR = 5.0, 20.0


class Report:
    """
    Grows by an entry a file, and is written again and again as the work goes on, so that an
    interrupted run can be continued. With several processes, the others write report.rankN.json
    until the end.

    Args:
        folder: where it is written.
        settings: what decides about the results; a run continues one of the same settings only.
        names: the classes.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], names: Sequence[str]) -> None:
        self.folder = folder
        self.settings = json.loads(json.dumps(settings))  # as they are read again
        self.names = list(names)
        self.entries: dict[str, Entry] = {}
        self._planned: list[Entry] = []
        self._kept = 0
        rank = comm.get_rank()
        self._file = folder / (f"report.rank{rank}.json" if rank else JSON)
        self._started = self._due = time.monotonic()

    def is_there(self) -> bool:
        """Whether an earlier run has written one."""
        return (self.folder / JSON).exists()

    def finished(self) -> dict[str, Entry]:
        """
        What an earlier run has segmented, by file.

        Raises:
            ValueError: that run had other settings, or its report is damaged.
        """
        reports = self._earlier()
        for path, report in reports.items():
            self._expect_same_settings(path, report["settings"])
        return {entry["file"]: entry for report in reports.values() for entry in report["images"]}

    def listed(self) -> list[Entry]:
        """
        What an earlier run has segmented or, if it was interrupted, was going to.

        Raises:
            ValueError: its report is damaged.
        """
        reports = self._earlier().values()
        return [entry for r in reports for entry in (*r["images"], *r.get("planned", ()))]

    def begin(self, finished: Mapping[str, Entry], planned: Iterable[Entry]) -> None:
        """
        Of every process; the main one writes what there is before the first image.

        Args:
            finished: entries of an earlier run that stay.
            planned: "file" and outputs by kind of the other files.
        """
        self._kept = len(finished)
        if comm.is_main_process():
            self.entries, self._planned = dict(finished), list(planned)
            self.folder.mkdir(parents=True, exist_ok=True)
            self.write()
            for part in self._parts():
                part.unlink()

    def add(self, entry: Entry) -> None:
        """An entry has "file", and "reason" if it failed; see `segment_files`."""
        self.entries[entry["file"]] = entry
        if time.monotonic() > self._due:
            self.write()

    def write(self) -> None:
        """Writes the report of this process."""
        start = time.monotonic()
        self._write(self._report(is_complete=False))
        now = time.monotonic()
        self._due = now + max(_PERIOD, _FACTOR * (now - start))

    def finish(self, files: Iterable[Path]) -> dict[str, Any]:
        """
        Brings the entries of all processes together, in the order of the files; the main one writes
        them.

        Returns:
            dict: the content of report.json.
        """
        merged = dict(pair for part in comm.all_gather(self.entries) for pair in part.items())
        self.entries = {str(file): merged[str(file)] for file in files}
        report = self._report(is_complete=True)
        if comm.is_main_process():
            self._write(report)
            write_atomically(self.folder / CSV, _bytes(_table(report)))
            for part in self._parts():
                part.unlink()
        comm.synchronize()
        return report

    def _report(self, is_complete: bool) -> dict[str, Any]:
        entries = self.entries.values()
        return {
            "complete": is_complete,
            "kept": self._kept,
            "seconds": round(time.monotonic() - self._started, 3),
            "settings": self.settings,
            "classes": self.names,
            "images": [entry for entry in entries if "reason" not in entry],
            "failed": [entry for entry in entries if "reason" in entry],
            **({} if is_complete else {"planned": self._planned}),
        }

    def _write(self, report: dict[str, Any]) -> None:
        text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self._file, _bytes(text))

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("report.rank*.json"))

    def _earlier(self) -> dict[Path, dict[str, Any]]:
        paths = (path for path in (self.folder / JSON, *self._parts()) if path.exists())
        return {path: _read(path) for path in paths}

    def _expect_same_settings(self, path: Path, settings: Mapping[str, Any]) -> None:
        for key in {**settings, **self.settings}:
            was, is_now = settings.get(key), self.settings.get(key)
            if was != is_now:
                raise ValueError(
                    f"{path} belongs to a run with other settings: {key} was {_short(was)}, and is "
                    f"{_short(is_now)}; leave out --resume to do everything again, or take another "
                    "--output."
                )


def _read(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_bytes())
        _ = report["settings"], report["images"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is no report of an earlier run; take another --output.") from None
    return report


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _bytes(text: str) -> bytes:
    """Names of files that are no UTF-8 become what JSON calls them: "\\udcff"."""
    return text.encode(errors="backslashreplace")


def _table(report: Mapping[str, Any]) -> str:
    """One line a file; a column for every class that was found anywhere, with its share."""
    entries = [*report["images"], *report["failed"]]
    found = {name for entry in report["images"] for name in entry["found"]}
    classes = [name for name in report["classes"] if name in found]
    text = io.StringIO()
    writer = csv.writer(text)  # CR LF: so that names with either are quoted
    writer.writerow(
        ["file", "status", "seconds", "frames", "height", "width", *classes, "none", "reason"]
    )
    for entry in entries:
        shares: list[str] = [""] * (len(classes) + 1)
        if "found" in entry:
            values = [entry["found"].get(name, 0.0) for name in classes]
            shares = [f"{value:.4f}" for value in (*values, abs(1 - sum(values)))]
        status = "failed" if "reason" in entry else "done"
        height, width = entry.get("size", ("", ""))
        numbers = [entry["seconds"], entry.get("frames", ""), height, width]
        writer.writerow([entry["file"], status, *numbers, *shares, entry.get("reason", "")])
    return text.getvalue()
