"""
Batches for training and evaluation.

Training reads an endless stream of samples: every epoch is a permutation of the dataset drawn from
(seed, epoch), or position p of the stream is drawn by (seed, p); the sample there is augmented by
(seed, p). So bytes depend neither on the number of workers nor on how a global batch is shared
among processes, and a stream continues at any position.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ..runtime.config import CfgNode
from ..runtime.data import MetadataCatalog
from ..runtime.utils import comm
from ..vocabulary import Vocabulary
from .catalog import load_dataset, register_datasets
from .mapper import EvaluationMapper, Sample, SampleReader, TrainingMapper
from .pipelines import build_augmentations, build_test_resize

# Keep the permutation of epoch 7 apart from the augmentation and the draw of sample 7.
_PERMUTATION, _AUGMENTATION, _DRAW = 0, 1, 2


def build_train_loader(cfg: CfgNode, start: int = 0) -> Batches:
    """
    This process's share of the endless batches of DATASETS.TRAIN.

    Args:
        start: samples of the stream that all processes together have consumed already.

    Raises:
        ValueError: no or unknown datasets, those of DATASETS.TEST included; several of different
            classes; a class to be drawn where none is asked for; a negative SEED; a
            SOLVER.IMS_PER_BATCH that the processes cannot share.
            While iterating: a sample that cannot be read or is labelled wrongly.
    """
    names = cfg.DATASETS.TRAIN
    if not names:
        raise ValueError("DATASETS.TRAIN is empty; name the dataset to train on.")
    register_datasets(cfg)
    samples = [sample for name in names for sample in load_dataset(name)]
    for name in cfg.DATASETS.TEST:  # its files are missed now, not after the first epochs
        load_dataset(name)
    _refuse_different_classes(names)
    reader = SampleReader.of_dataset(names[0])
    mapper = TrainingMapper(reader, build_augmentations(cfg, reader.ignore_label))
    stream = EpochStream(
        len(samples),
        cfg.SEED,
        cfg.SOLVER.IMS_PER_BATCH,
        start,
        comm.get_rank(),
        comm.get_world_size(),
        _by_class(samples) if cfg.DATALOADER.BY_CLASS else (),
    )
    return _batches(cfg, _TrainingSamples(samples, mapper, cfg.SEED), batch_sampler=stream)


def build_test_loader(cfg: CfgNode, name: str, asked: Vocabulary | None = None) -> Batches:
    """
    This process's share of a dataset, in order: every image exactly once over all processes.

    Args:
        asked: the names to segment, where they are not those of the dataset.

    Raises:
        ValueError: an unknown dataset. While iterating: a sample that cannot be read or is labelled
            wrongly.
    """
    register_datasets(cfg)
    samples = load_dataset(name)
    mapper = EvaluationMapper(SampleReader.of_dataset(name), build_test_resize(cfg), asked)
    rank, world_size = comm.get_rank(), comm.get_world_size()
    share = range(len(samples) * rank // world_size, len(samples) * (rank + 1) // world_size)
    return _batches(
        cfg, _EvaluationSamples(samples, mapper), sampler=share, batch_size=cfg.TEST.IMS_PER_BATCH
    )


class EpochStream(Sampler[list[tuple[int, int]]]):
    """
    Batches of (position in the stream, index in the dataset), without end.

    Args:
        size: samples of the dataset.
        seed: of the permutations, 0 or more.
        batch_size: samples all processes take together.
        start: position of the first batch.
        rank, world_size: which of how many equal shares of every batch this is.
        groups: of indices; if there are any, first a group is drawn, then one of it, and there are
            no epochs.
    """

    def __init__(
        self,
        size: int,
        seed: int,
        batch_size: int,
        start: int = 0,
        rank: int = 0,
        world_size: int = 1,
        groups: Sequence[np.ndarray] = (),
    ) -> None:
        if seed < 0:
            raise ValueError(
                f"SEED is {seed}; samples are drawn from it, so give one of 0 or more."
            )
        if batch_size < 1 or batch_size % world_size:
            raise ValueError(
                f"SOLVER.IMS_PER_BATCH is {batch_size}, which {world_size} processes cannot share "
                f"equally; expected a multiple of {world_size}."
            )
        self.size, self.seed, self.batch_size, self.start = size, seed, batch_size, start
        self.share = batch_size // world_size
        self.offset = rank * self.share
        self.groups = groups

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        index_of = self._drawn() if self.groups else self._shuffled()
        for first in itertools.count(self.start + self.offset, self.batch_size):
            yield [(position, index_of(position)) for position in range(first, first + self.share)]

    def _shuffled(self) -> Callable[[int], int]:
        """Position -> index, by a permutation for every epoch."""

        @lru_cache(maxsize=1)
        def order(epoch: int) -> np.ndarray:
            return np.random.default_rng([self.seed, _PERMUTATION, epoch]).permutation(self.size)

        return lambda position: int(order(position // self.size)[position % self.size])

    def _drawn(self) -> Callable[[int], int]:
        """Position -> index, by a draw for every position."""

        def index_of(position: int) -> int:
            rng = np.random.default_rng([self.seed, _DRAW, position])
            group = self.groups[int(rng.integers(len(self.groups)))]
            return int(group[rng.integers(len(group))])

        return index_of


class Batches:
    """Lists of mapped samples. What a worker could not read is raised here, in one line."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader

    def __len__(self) -> int:
        """Batches of an evaluation; a training stream has no length (TypeError)."""
        return len(self.loader)

    def __iter__(self) -> Iterator[list[Sample]]:
        for batch in self.loader:
            for sample in batch:
                if isinstance(sample, _Failure):
                    raise ValueError(sample.message)
            yield batch


@dataclass(frozen=True)
class _Failure:
    """Travels between processes as samples do; an exception would arrive wrapped in tracebacks."""

    message: str


@dataclass
class _TrainingSamples(Dataset[Sample | _Failure]):
    samples: list[Sample]
    mapper: TrainingMapper
    seed: int

    def __getitem__(self, key: tuple[int, int]) -> Sample | _Failure:
        position, index = key
        rng = np.random.default_rng([self.seed, _AUGMENTATION, position])
        return _or_failure(lambda: self.mapper(self.samples[index], rng))


@dataclass
class _EvaluationSamples(Dataset[Sample | _Failure]):
    samples: list[Sample]
    mapper: EvaluationMapper

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample | _Failure:
        return _or_failure(lambda: self.mapper(self.samples[index]))


def _or_failure(read: Callable[[], Sample]) -> Sample | _Failure:
    try:
        return read()
    except (OSError, ValueError) as error:
        return _Failure(str(error))


# Any: DataLoader's own arguments
def _batches(cfg: CfgNode, dataset: Dataset, **sampling: Any) -> Batches:
    workers = cfg.DATALOADER.NUM_WORKERS
    loader = DataLoader(
        dataset,
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=start_worker,
        persistent_workers=workers > 0,
        # Its own generator: starting an iterator must not advance the one that checkpoints restore.
        generator=torch.Generator(),
        **sampling,
    )
    return Batches(loader)


def start_worker(_: int) -> None:
    """How a process starts that reads samples: one thread, and deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reads the batches
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _by_class(samples: Sequence[Sample]) -> list[np.ndarray]:
    """Indices of the samples that ask for one class, for every class."""
    if any("episode" not in sample for sample in samples):
        raise ValueError(
            "DATALOADER.BY_CLASS draws the class that a sample asks for, but DATASETS.TRAIN has "
            "samples that ask for all; set it False, or train on episodes."
        )
    names = np.array([sample["episode"] for sample in samples])
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def _refuse_different_classes(names: list[str]) -> None:
    first, *others = (MetadataCatalog.get(name) for name in names)
    for other in others:
        for key in ("stuff_classes", "unseen", "prompts", "ignore_label", "label_values"):
            if first.get(key) != other.get(key):
                raise ValueError(
                    f"{names[0]!r} and {other.name!r} in DATASETS.TRAIN differ in their {key}; "
                    "datasets that are trained on together must label the same classes alike."
                )
