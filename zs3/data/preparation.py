"""
What the scripts of datasets/prepare share: from what a publisher ships to label maps in the index
of a class list.

First the input is checked as a whole: what is missing is named, with where to get it, and nothing
is written. Then label maps are made one by one, each of them there completely or not at all; what
is there already is only read and checked. Last, what is on the disk is counted.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from ..counting import counted
from ..files import remove_unfinished, write_atomically
from ..runtime.arguments import positive
from .archive import files_below
from .class_histogram import ClassHistogram
from .image_set import ImageSet, data_root
from .label_table import LabelTable
from .published import class_list
from .reading import expect_one_size, image_size, read_label

Source = Any  # Any: whatever `read` of a script takes; str() of it names it to people
T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 16  # images a process takes at a time


@dataclass(frozen=True)
class Input:
    """
    A file or folder that has to be there.

    Attributes:
        paths: below the root; one of them is enough.
        origin: what brings the first, and where that is to be had.
    """

    paths: Sequence[str]
    origin: str


@dataclass(frozen=True)
class Annotations:
    """
    What a publisher ships.

    Attributes:
        inputs: the files and folders, all of which have to be there.
        sources: the annotations for an image set, by the names of its images.
        read: an annotation -> (H, W) unsigned integers; called in other processes.
        domain: the values these may be.
    """

    inputs: Sequence[Input]
    sources: Callable[[ImageSet], Mapping[str, Source]]
    read: Callable[[Source], np.ndarray]
    domain: range | tuple[int, ...]


@dataclass
class _Task:
    """One image: its annotation, and label map -> (class list, names of the sets it belongs to)."""

    image: Path
    source: Source
    outputs: dict[Path, tuple[str, list[str]]] = field(default_factory=dict)


def script_arguments(
    description: str | None, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """`jobs` and `force`, which every script takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: one a core, %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="make again what is there already")
    return parser.parse_args(arguments)


def files_by_name(folder: Path, extension: str) -> dict[str, Path]:
    """Name without extension -> file, of the files in a folder and in those below it."""
    files = [file for file in files_below(folder) if file.name.endswith(extension)]
    return {file.name.removesuffix(extension): file for file in files}


def expect_inputs(inputs: Iterable[Input]) -> None:
    """Raises FileNotFoundError that names everything that is missing, and where to get it."""
    root = data_root()
    missing = [
        f"{' or '.join(item.paths)} ({item.origin})"
        for item in inputs
        if not any((root / path).exists() for path in item.paths)
    ]
    if missing:
        raise FileNotFoundError(
            f"{root}, the folder that DETECTRON2_DATASETS names, lacks {'; '.join(missing)}."
        )


def expect_count(image_set: ImageSet, count: int, folder: Path) -> None:
    """Raises FileNotFoundError where there are fewer or more images than were published."""
    if image_set.count not in (0, count):
        raise FileNotFoundError(
            f"{image_set.name('')} has {counted(image_set.count, 'image')}, but {folder} holds "
            f"{count}; unpack the whole archive, and nothing else, there."
        )


def prepare(
    sets: Sequence[ImageSet], annotations: Annotations, jobs: int = 1, force: bool = False
) -> None:
    """
    Makes the label maps of all sets, and says what they hold.

    Args:
        jobs: processes.
        force: make again what is there already.

    Raises:
        FileNotFoundError: inputs that are missing, or that are not as many as were published.
        ValueError: an annotation that is unreadable, of another size than its image, or that holds
            values the publisher does not define; it is named.
    """
    expect_inputs(annotations.inputs)
    tasks = _tasks(sets, annotations)
    for folder in {output.parent for task in tasks for output in task.outputs}:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
    histograms = {s.name(""): ClassHistogram(class_list(s.classes).names) for s in sets}
    work = partial(_make, annotations.read, annotations.domain, force)
    for task, counts in zip(tasks, in_parallel(work, tasks, jobs, "label maps"), strict=True):
        for (_, owners), pixels in zip(task.outputs.values(), counts, strict=True):
            for name in owners:
                histograms[name].add(pixels)
    for image_set in sets:
        for split in image_set.splits:
            image_set.expect_files(split)
    folder = data_root() / "zs3" / "histograms"
    folder.mkdir(exist_ok=True)
    for name, histogram in histograms.items():
        histogram.write(folder / f"{name}.csv")
        histogram.show(name)


def in_parallel(work: Callable[[T], R], items: Sequence[T], jobs: int, what: str) -> Iterator[R]:
    """The results of `work`, in order, with a progress bar; `jobs` processes share it."""
    bar = partial(tqdm, total=len(items), desc=what, unit="image")
    if jobs == 1:
        yield from bar(map(work, items))
        return
    with Pool(jobs, _start_worker) as pool:
        yield from bar(pool.imap(work, items, _CHUNK))


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    cv2.setNumThreads(0)


def _tasks(sets: Sequence[ImageSet], annotations: Annotations) -> list[_Task]:
    tasks: dict[Path, _Task] = {}
    for image_set in sets:
        name, root = image_set.name(""), data_root()
        images = sorted(set().union(*map(image_set.image_names, image_set.splits)))
        expect_count(image_set, len(images), image_set.folder)
        sources = annotations.sources(image_set)
        _expect_all(name, f"file in {image_set.folder}", images, image_set.images_here())
        _expect_all(name, "annotation", images, sources)
        for image in images:
            path = root / image_set.images.format(image)
            task = tasks.setdefault(path, _Task(path, sources[image]))
            output = root / image_set.labels.format(image)
            task.outputs.setdefault(output, (image_set.classes, []))[1].append(name)
    return list(tasks.values())


def _expect_all(name: str, what: str, images: Sequence[str], known: Collection[str]) -> None:
    missing = [image for image in images if image not in known]
    if missing:
        raise FileNotFoundError(
            f"{name}: {len(missing)} of {counted(len(images), 'image')} have no {what}, such as "
            f"{missing[0]}."
        )


def _make(
    read: Callable[[Source], np.ndarray], domain: range | tuple[int, ...], force: bool, task: _Task
) -> list[np.ndarray]:
    """Makes the label maps that are not there yet. Pixels (K,) of each class, for every one."""
    counts: dict[Path, np.ndarray] = {}
    for output, (classes, _) in task.outputs.items():
        # What is unreadable, or is not of this image, is made again.
        with suppress(FileNotFoundError, ValueError):
            if not force:
                labels = _own_table(classes)(read_label(output), output)
                expect_one_size(output, labels.shape, task.image, image_size(task.image))
                counts[output] = _pixels(labels, classes)
    if len(counts) < len(task.outputs):
        stored = read(task.source)
        expect_one_size(task.source, stored.shape, task.image, image_size(task.image))
        for output, (classes, _) in task.outputs.items():
            if output not in counts:
                labels = _table(classes, domain)(stored, task.source)
                _write_label(output, labels, class_list(classes).ignore_label)
                counts[output] = _pixels(labels, classes)
    return [counts[output] for output in task.outputs]


def _pixels(labels: np.ndarray, classes: str) -> np.ndarray:
    count = len(class_list(classes).names)
    return np.bincount(labels.ravel(), minlength=count)[:count]


def _write_label(path: Path, labels: np.ndarray, ignore_label: int) -> None:
    dtype = np.uint8 if ignore_label == 255 else np.uint16
    buffer = io.BytesIO()
    Image.fromarray(labels.astype(dtype)).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue(), wait=False)


@cache
def _table(classes: str, domain: range | tuple[int, ...]) -> LabelTable:
    """Of a publisher's values."""
    return LabelTable(class_list(classes).labels(domain), len(class_list(classes).names))


@cache
def _own_table(classes: str) -> LabelTable:
    """Of the labels this writes."""
    count, ignore_label = len(class_list(classes).names), class_list(classes).ignore_label
    return LabelTable({k: k for k in (*range(count), ignore_label)}, count)
