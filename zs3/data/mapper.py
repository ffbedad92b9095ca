"""
From a dataset dict to what a model takes.

Labels stay in the full vocabulary's index, unseen classes included: what a training step may know
of them is the model's policy, not the data's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from ..runtime.data import MetadataCatalog
from ..vocabulary import Vocabulary
from .augmentation import Augmentation, ResizeShortestEdge
from .reading import read_image, read_label

Sample = dict[str, Any]  # Any: Detectron2's dataset dicts hold names, sizes and arrays
_INVALID = -1
# What a dataset that has no files puts into its dicts instead.
IMAGE_ARRAY, LABEL_ARRAY = "image_array", "sem_seg_array"


class SampleReader:
    """
    Reads the image and the label map of a dataset dict, be they files or drawn.

    The dict holds "file_name" and "sem_seg_file_name"; or IMAGE_ARRAY (H, W, 3) uint8 and
    LABEL_ARRAY (H, W) unsigned integers, and then "file_name" only serves to name the sample.

    Args:
        vocabulary: of the dataset.
        ignore_label: what unlabelled pixels have in the maps this returns; no class.
        label_values: stored value -> label, or -> ignore_label; left out, stored values are labels.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        ignore_label: int = 255,
        label_values: Mapping[int, int] | None = None,
    ) -> None:
        if 0 <= ignore_label < len(vocabulary):
            raise ValueError(
                f"ignore_label {ignore_label} is the class {vocabulary.names[ignore_label]!r}; "
                f"expected at least {len(vocabulary)}."
            )
        self.vocabulary = vocabulary
        self.ignore_label = ignore_label
        values = label_values or {k: k for k in (*range(len(vocabulary)), ignore_label)}
        self.values = sorted(values)
        self.table = np.full(65536, _INVALID, np.int64)
        self.table[list(values)] = list(values.values())

    @classmethod
    def of_dataset(cls, name: str) -> SampleReader:
        """For a registered dataset, from its metadata."""
        metadata = MetadataCatalog.get(name)
        return cls(
            Vocabulary.from_metadata(metadata), metadata.ignore_label, metadata.get("label_values")
        )

    def __call__(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        """
        Returns:
            image (H, W, 3) uint8 RGB, and labels (H, W) int64: classes of the vocabulary, or
            `ignore_label`.

        Raises:
            FileNotFoundError, ValueError: a file that is missing or unreadable, an image and a
                label map of different sizes, or a label that is no class; the file is named.
        """
        image = sample[IMAGE_ARRAY] if IMAGE_ARRAY in sample else read_image(sample["file_name"])
        stored, source = self._stored(sample)
        if image.shape[:2] != stored.shape:
            raise ValueError(
                f"{source} is {_size(stored)} pixels, but its image {sample['file_name']} is "
                f"{_size(image)} (width x height, upright); a label map has its image's size."
            )
        return image, self._classes(stored, source)

    def labels(self, sample: Sample) -> np.ndarray:
        """The labels alone, as above; the image need not be there."""
        return self._classes(*self._stored(sample))

    def _stored(self, sample: Sample) -> tuple[np.ndarray, str]:
        """Values as they are on the disk, and where they come from."""
        if LABEL_ARRAY in sample:
            return sample[LABEL_ARRAY], sample["file_name"]
        source = sample["sem_seg_file_name"]
        return read_label(source), source

    def _classes(self, stored: np.ndarray, source: str) -> np.ndarray:
        labels = self.table[stored]
        if labels.min() == _INVALID:
            wrong = np.unique(stored[labels == _INVALID])
            raise ValueError(
                f"{source} holds label {some(wrong)}, which is neither a class nor ignored; "
                f"the {len(self.vocabulary)} classes and ignore are {some(self.values)}."
            )
        return labels


class TrainingMapper:
    """
    Args:
        reader: of the dataset.
        augmentations: applied in order.
    """

    def __init__(self, reader: SampleReader, augmentations: Sequence[Augmentation]) -> None:
        self.reader = reader
        self.augmentations = augmentations

    def __call__(self, sample: Sample, rng: Generator) -> Sample:
        """
        Returns:
            dict: the sample's own entries; "image" (3, H, W) uint8, "sem_seg" (H, W) int64 of the
            same size, "vocabulary", and the "height" and "width" before augmentation.
        """
        image, label = self.reader(sample)
        height, width = label.shape
        for augmentation in self.augmentations:
            image, label = augmentation(image, label, rng)
        return _mapped(sample, image, label, (height, width), self.reader.vocabulary)


class EvaluationMapper:
    """
    Args:
        reader: of the dataset.
        resize: for the image; predictions are scored at the label map's own size.
        asked: the names to segment, where they are not those of the dataset; a sample's own
            "vocabulary" wins.
    """

    def __init__(
        self, reader: SampleReader, resize: ResizeShortestEdge, asked: Vocabulary | None = None
    ) -> None:
        self.reader = reader
        self.resize = resize
        self.asked = asked or reader.vocabulary

    def __call__(self, sample: Sample) -> Sample:
        """As TrainingMapper, but "sem_seg" is (height, width), whatever size "image" has."""
        image, label = self.reader(sample)
        asked = sample.get("vocabulary", self.asked)
        return _mapped(sample, self.resize.image(image), label, label.shape, asked)


def _mapped(
    sample: Sample,
    image: np.ndarray,
    label: np.ndarray,
    size: tuple[int, ...],
    vocabulary: Vocabulary,
) -> Sample:
    return {
        **{key: value for key, value in sample.items() if key not in (IMAGE_ARRAY, LABEL_ARRAY)},
        "image": torch.from_numpy(image.transpose(2, 0, 1).copy()),
        "sem_seg": torch.from_numpy(label.copy()),
        "vocabulary": vocabulary,
        "height": size[0],
        "width": size[1],
    }


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def some(values: Sequence[int] | np.ndarray, limit: int = 5) -> str:
    """[0, 1, 2, 255] -> "0-2, 255", cut after a few."""
    runs: list[list[int]] = []
    for value in map(int, values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    parts = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    return ", ".join(parts[:limit]) + (", ..." if len(parts) > limit else "")
