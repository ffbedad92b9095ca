"""Segments many files, whatever state they are in, and reports on every one of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..runtime.utils import comm
from .ahead import ahead
from .inputs import is_video
from .outputs import KINDS, Outputs
from .predictor import Photo, Request, Segmenter
from .report import JSON, Entry, Report
from .result import Segmentation
from .video import segment_video, video_paths


def segment_files(
    segmenter: Segmenter,
    files: Mapping[Path, str],
    outputs: Outputs,
    request: Request,
    *,
    batch: int = 1,
    every: int = 1,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Writes the outputs of every readable file, report.json and report.csv.

    A file that cannot be read or segmented is recorded with its reason, and the others go on. Files
    are read and written in threads while the model works. With several processes each takes its
    share of the files, and the main one reports on all. What an earlier run has written there is
    deleted first, unless it is resumed.

    Args:
        files: file -> name of its outputs, as `find_inputs` gives them.
        batch: images of one size that follow each other and pass through the model together.
        every: of a video, every how many frames one is segmented.
        resume: leave out what an earlier run with the same settings has finished, where the outputs
            are there and the file is the one that it has read.
        settings: what else decides about the results (the model), to compare with that run's.

    Returns:
        dict: the report: "settings", "classes", "complete", "seconds", "kept" (how many files an
        earlier run had finished), "images" (file, size, outputs by kind, "seconds" of work,
        "found": share of the pixels by class, "source": bytes and time of the file; a video also
        has "frames"), "failed" (file, seconds, reason) and, until it is complete, "planned" (file,
        outputs by kind).

    Raises:
        ValueError: names that cannot be embedded, an output folder with files that are not of an
            earlier run, or, to be resumed, a run with other settings.
    """
    # Names that cannot be segmented are the request's fault, not that of any image.
    segmenter.rehearse(request)
    vocabulary = request.vocabulary
    report = Report(
        outputs.folder,
        {
            **(settings or {}),
            "classes": dict(zip(vocabulary.names, map(list, vocabulary.synonyms), strict=True)),
            "background": sorted(request.background),
            "none_below": request.none_below,
            "outputs": sorted(outputs.kinds),
            "every": every,
        },
        vocabulary.names,
    )
    written = set() if resume and report.is_there() else _written_earlier(report, outputs, files)
    finished = report.finished() if resume else {}
    finished = {f: e for f, e in finished.items() if _is_up_to_date(e, files, outputs)}
    todo = [file for file in files if str(file) not in finished]
    comm.synchronize()  # nobody writes before all have read
    if comm.is_main_process():
        outputs.remove(written)
        outputs.remove_unfinished()
    report.begin(finished, ({"file": str(f), **_paths(f, files[f], outputs)} for f in todo))
    comm.synchronize()

    mine = todo[comm.get_rank() :: comm.get_world_size()]
    work = _Work(segmenter, files, outputs, request, batch, every)
    try:
        for entry in tqdm(
            work.entries(mine), total=len(mine), unit="file", disable=not comm.is_main_process()
        ):
            report.add(entry)
            if "reason" in entry:
                tqdm.write(f"failed: {_printable(entry['reason'])}", file=sys.stderr)
    except BaseException:
        report.write()
        raise
    return report.finish(files)


@dataclass
class _Job:
    """One file on its way, or the reason why it came no further."""

    file: Path
    source: Entry | None = None
    photo: Photo | None = None
    result: Segmentation | None = None
    seconds: float = 0.0
    reason: str = ""

    def entry(self, done: Entry) -> Entry:
        end = {"reason": self.reason} if self.reason else {**done, "source": self.source}
        return {"file": str(self.file), "seconds": round(self.seconds, 4), **end}


@contextmanager
def _step(*jobs: _Job) -> Iterator[None]:
    """Work on some jobs: they share its time, and its failure is theirs and nobody else's."""
    start, reason = time.perf_counter(), ""
    try:
        yield
    except (ValueError, OSError) as error:
        reason = str(error)
    except Exception as error:  # such as memory that does not suffice for just this image
        reason = f"{jobs[0].file} failed with {type(error).__name__}: {error}"
    for job in jobs:
        job.seconds += (time.perf_counter() - start) / len(jobs)
        job.reason = reason


@dataclass(frozen=True)
class _Work:
    """What is done with every file; see `segment_files`."""

    segmenter: Segmenter
    names: Mapping[Path, str]
    outputs: Outputs
    request: Request
    batch: int
    every: int

    def entries(self, files: list[Path]) -> Iterator[Entry]:
        """Of the images, then of the videos."""
        photos = [file for file in files if not is_video(file)]
        jobs = (job.result() for _, job in ahead(self._read, photos))
        for _, entry in ahead(self._write, self._segment(jobs)):
            yield entry.result()
        yield from map(self._video, filter(is_video, files))

    def _read(self, file: Path) -> _Job:
        job = _Job(file, _source(file))
        with _step(job):
            job.photo = self.segmenter.read(file)
        return job

    def _segment(self, jobs: Iterable[_Job]) -> Iterator[_Job]:
        for _, alike in groupby(jobs, key=lambda job: job.photo and job.photo.image.shape):
            while group := list(islice(alike, self.batch)):
                if group[0].photo is not None:
                    self._ask(group)
                yield from group

    def _ask(self, group: list[_Job]) -> None:
        with _step(*group):
            photos = [job.photo for job in group if job.photo is not None]
            results = self.segmenter.segment_batch(photos, self.request)
            for job, result in zip(group, results, strict=True):
                job.result = result
        if group[0].reason and len(group) > 1:  # what is too much at once may do one by one
            for job in group:
                self._ask([job])

    def _write(self, job: _Job) -> Entry:
        done: Entry = {}
        if (result := job.result) is not None:
            with _step(job):
                name = self.names[job.file]
                self.outputs.write(result, name)
                size = list(result.size or result.label_map.shape)
                done = {"size": size, **self.outputs.paths(name), "found": result.found}
        return self._entry(job, done)

    def _video(self, file: Path) -> Entry:
        job = _Job(file, _source(file))
        done: Entry = {}
        with _step(job):
            done = segment_video(
                self.segmenter,
                file,
                self.names[file],
                self.outputs,
                self.request,
                batch=self.batch,
                every=self.every,
            )
        return self._entry(job, done)

    def _entry(self, job: _Job, done: Entry) -> Entry:
        """What failed leaves nothing behind, neither of this run nor of an earlier one."""
        if job.reason:
            paths = _paths(job.file, self.names[job.file], self.outputs)
            with suppress(OSError):  # the folders stay: other threads write there
                for file in self.outputs.files_at(paths.values()):
                    file.unlink(missing_ok=True)
        return job.entry(done)


def _paths(file: Path, name: str, outputs: Outputs) -> dict[str, str]:
    """Its outputs by kind."""
    return video_paths(name, outputs) if is_video(file) else outputs.paths(name)


def _source(file: Path) -> Entry | None:
    """What tells a file from one that takes its place later: that may well be an older one."""
    try:
        status = file.stat()
    except OSError:
        return None
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _is_up_to_date(entry: Entry, names: Mapping[Path, str], outputs: Outputs) -> bool:
    """Whether its outputs are where they would be written now, and made of the file as it is."""
    file = Path(entry["file"])
    source = _source(file)
    if file not in names or source is None or source != entry.get("source"):
        return False
    return all(
        entry.get(kind) == path and (outputs.folder / path).exists()
        for kind, path in _paths(file, names[file], outputs).items()
    )


def _written_earlier(report: Report, outputs: Outputs, inputs: Iterable[Path]) -> set[Path]:
    """
    The files of an earlier run.

    Raises:
        ValueError: there are others, some of them are to be segmented, or its report is damaged.
    """
    there, listed = outputs.files(), report.listed()
    foreign = there - outputs.files_at(str(e[kind]) for e in listed for kind in KINDS if kind in e)
    if foreign:
        raise ValueError(
            f"{min(foreign)} is not of an earlier run that {outputs.folder / JSON} tells of; take "
            "another output folder, so that nothing is overwritten or mixed."
        )
    wanted = set(map(os.path.realpath, inputs))
    if both := [file for file in there if os.path.realpath(file) in wanted]:
        raise ValueError(
            f"{min(both)} is to be segmented, but the earlier run has written it, and this one "
            "would delete it; take another output folder."
        )
    return there


def _printable(text: str) -> str:
    """Without line breaks and other characters that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
