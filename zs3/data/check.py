"""
What is wrong with a dataset, all of it, before anything runs.

An *error* stops training or evaluation when it gets there. With a *warning* they run, but hardly do
what was meant. A *notice* says what will happen.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..counting import counted
from ..runtime.data import MetadataCatalog
from ..vocabulary import Vocabulary
from .archive import open_file
from .catalog import load_dataset, vocabulary_of
from .description import read_description
from .folder import FolderDataset
from .loader import start_worker
from .mapper import IMAGE_ARRAY, Sample, SampleReader

T = TypeVar("T")

ERROR, WARNING, NOTICE = "error", "warning", "notice"
_IMAGES_A_TASK = 4


@dataclass(frozen=True)
class Finding:
    """
    Attributes:
        level: ERROR, WARNING or NOTICE.
        part: where; a dataset's name, or those of several.
        kind: what, as the heading of a list.
        item: of that list: a file, a name or a sentence.
    """

    level: str
    part: str
    kind: str
    item: str

    @property
    def said(self) -> tuple[str, str, str]:
        """All but where."""
        return self.level, self.kind, self.item


@dataclass(frozen=True)
class Part:
    """A registered dataset, or one part of a description, to be checked."""

    name: str
    is_training: bool
    reader: SampleReader
    samples: Sequence[Sample]
    findings: Sequence[Finding] = ()

    @property
    def vocabulary(self) -> Vocabulary:
        return self.reader.vocabulary


@dataclass
class PartCount:
    """
    What was found in a part.

    Attributes:
        pixels, images: (K,) int64, labelled pixels of a class, and images that show it.
        ignored: pixels.
        sizes: (W, H) of images -> how many there are.
        digests: of images' content -> their files.
    """

    part: Part
    pixels: np.ndarray
    images: np.ndarray
    ignored: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    digests: dict[bytes, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: list[Finding] = field(default_factory=list)

    def find(self, level: str, kind: str, items: Iterable[str]) -> None:
        """Adds findings of one kind."""
        self.findings += [Finding(level, self.part.name, kind, item) for item in items]


def parts_of_description(dataset: FolderDataset) -> list[Part]:
    """The parts of a description. What cannot be listed becomes a finding."""
    return [_part_of(dataset, part, part == "train") for part in dataset.parts]


def part_of_name(name: str, is_training: bool) -> Part:
    """
    A registered dataset. What cannot be listed becomes a finding.

    Raises:
        ValueError: no dataset has that name.
    """
    vocabulary_of(name)
    description = MetadataCatalog.get(name).get("description")
    if description is not None:
        dataset = read_description(description)
        return _part_of(dataset, name.removeprefix(f"{dataset.name}_"), is_training)
    reader = SampleReader.of_dataset(name)
    try:
        return Part(name, is_training, reader, load_dataset(name))
    except (OSError, ValueError) as error:
        return Part(name, is_training, reader, (), (_unlisted(name, error),))


def _part_of(dataset: FolderDataset, part: str, is_training: bool) -> Part:
    name, classes = f"{dataset.name}_{part}", dataset.classes
    reader = SampleReader(dataset.vocabulary, classes.ignore_label, classes.of_value)
    try:
        listing = dataset.listing(part)
    except (OSError, ValueError) as error:
        return Part(name, is_training, reader, (), (_unlisted(name, error),))
    findings = [
        Finding(ERROR, name, what, file) for what, files in listing.gaps.items() for file in files
    ]
    if not listing.samples:
        findings.append(Finding(ERROR, name, "no images", f"{dataset.file} leaves none for {part}"))
    findings += [Finding(NOTICE, name, "left out", note) for note in listing.notes]
    return Part(name, is_training, reader, listing.samples, findings)


def _unlisted(name: str, error: Exception) -> Finding:
    return Finding(ERROR, name, "cannot be listed", str(error))


def check_parts(parts: Sequence[Part], jobs: int) -> list[PartCount]:
    """
    Reads every image and every label map once.

    Args:
        jobs: processes that read.
    """
    total = sum(len(part.samples) for part in parts)
    with tqdm(total=total, desc="reading", unit="image", disable=None) as bar:
        counts = [_count(part, jobs, bar) for part in parts]
    for count in counts:
        _judge(count)
        if not count.part.is_training:
            _find_leaks(count, [other for other in counts if other.part.is_training])
    _say_once(counts)
    return counts


def _say_once(counts: Sequence[PartCount]) -> None:
    """What is found alike in several parts, as where they share files, the first says for all."""
    where = defaultdict(list)
    for count in counts:
        for finding in count.findings:
            where[finding.said].append(finding.part)
    for count in counts:
        count.findings = [
            replace(finding, part=", ".join(where[finding.said]))
            for finding in count.findings
            if finding.part == where[finding.said][0]
        ]


def _count(part: Part, jobs: int, bar: tqdm) -> PartCount:
    classes = len(part.vocabulary)
    count = PartCount(part, np.zeros(classes, np.int64), np.zeros(classes, np.int64))
    count.findings += part.findings
    empty = []
    for sample, seen in zip(part.samples, _inspections(part, jobs), strict=True):
        file = str(sample["file_name"])
        for kind, message in seen.faults:
            count.find(ERROR, kind, [message])
        if seen.digest is not None:
            count.sizes[seen.size] += 1
            count.digests[seen.digest].append(file)
        if seen.pixels is not None:
            count.pixels += seen.pixels
            count.images += seen.pixels > 0
            count.ignored += seen.ignored
            empty += [] if seen.pixels.any() else [file]
        bar.update()
    count.find(WARNING, "images without a labelled pixel", empty)
    return count


def _judge(count: PartCount) -> None:
    """What follows from the counts of a part; nothing, if it could not be listed or is empty."""
    if not count.part.samples:
        return
    vocabulary = count.part.vocabulary
    absent = [name for name, n in zip(vocabulary.names, count.pixels, strict=True) if not n]
    if not count.part.is_training:
        count.find(WARNING, "classes without a pixel, which get no score", absent)
    else:
        count.find(
            WARNING, "seen classes without a pixel", [n for n in absent if n in vocabulary.seen]
        )
        count.find(
            NOTICE,
            "unseen classes, whose pixels training will ignore",
            [
                f"{name}: {counted(pixels, 'pixel')} in {counted(images, 'image')}"
                for name, pixels, images in zip(
                    vocabulary.names, count.pixels, count.images, strict=True
                )
                if pixels and name in vocabulary.unseen
            ],
        )
    twice = [files for files in count.digests.values() if len(files) > 1]
    count.find(NOTICE, "images with the same content", [" = ".join(files) for files in twice])


def _find_leaks(count: PartCount, training: Sequence[PartCount]) -> None:
    for other in training:
        shared = count.digests.keys() & other.digests.keys()
        pairs = [f"{count.digests[d][0]} = {other.digests[d][0]}" for d in shared]
        count.find(WARNING, f"images that are in {other.part.name} as well", sorted(pairs))


@dataclass(frozen=True)
class _Inspection:
    """
    Of one sample: (W, H) and digest of its image, pixels (K,) by class and those ignored of its
    labels, as far as they can be read; and what is wrong, as (kind, message).
    """

    size: tuple[int, int]
    digest: bytes | None
    pixels: np.ndarray | None
    ignored: int
    faults: Sequence[tuple[str, str]]


def _inspect(sample: Sample, reader: SampleReader) -> _Inspection:
    faults: list[tuple[str, str]] = []
    image = _attempt("images that cannot be read", faults, lambda: reader.image(sample))
    labels = _attempt("labels that cannot be used", faults, lambda: reader.labels(sample))
    if image is not None and labels is not None:
        kind = "label maps of another size than their image"
        _attempt(kind, faults, lambda: reader.expect_one_size(sample, image, labels))
    size, digest, pixels, ignored = (0, 0), None, None, 0
    if image is not None:
        size, digest = (image.shape[1], image.shape[0]), _digest(sample)
    if labels is not None:
        counts = np.bincount(labels.ravel(), minlength=reader.ignore_label + 1)
        pixels, ignored = counts[: len(reader.vocabulary)], int(counts[reader.ignore_label])
    return _Inspection(size, digest, pixels, ignored, faults)


def _attempt(kind: str, faults: list[tuple[str, str]], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (OSError, ValueError) as error:
        faults.append((kind, str(error)))
        return None


def _digest(sample: Sample) -> bytes:
    if IMAGE_ARRAY in sample:
        content = sample[IMAGE_ARRAY].tobytes()
    else:
        with open_file(sample["file_name"]) as file:
            content = file.read()
    return hashlib.blake2b(content, digest_size=16).digest()


@dataclass
class _Inspections(Dataset[_Inspection]):
    part: Part

    def __len__(self) -> int:
        return len(self.part.samples)

    def __getitem__(self, index: int) -> _Inspection:
        return _inspect(self.part.samples[index], self.part.reader)


def _inspections(part: Part, jobs: int) -> Iterator[_Inspection]:
    """One a sample, in order."""
    batches = DataLoader(
        _Inspections(part),
        batch_size=_IMAGES_A_TASK,
        num_workers=jobs if jobs > 1 else 0,
        collate_fn=list,
        worker_init_fn=start_worker,
    )
    return itertools.chain.from_iterable(batches)
