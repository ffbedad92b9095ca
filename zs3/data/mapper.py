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
from ..vocabulary import Episode, Vocabulary
from .augmentation import Augmentation, Resize
from .label_table import LabelTable
from .reading import expect_one_size, read_image, read_label

Sample = dict[str, Any]  # Any: Detectron2's dataset dicts hold names, sizes and arrays
# What a dataset that has no files puts into its dicts instead; and one whose labels are not maps.
IMAGE_ARRAY, LABEL_ARRAY = "image_array", "sem_seg_array"
LABEL_READER = "sem_seg_reader"
_CONTENT = (IMAGE_ARRAY, LABEL_ARRAY, LABEL_READER)  # not to be sent on with what was read


class SampleReader:
    """
    Reads the image and the label map of a dataset dict, be they files or drawn.

    The dict holds "file_name" and "sem_seg_file_name"; or instead of the latter LABEL_READER, a
    function without arguments that returns (H, W) labels, classes already; or IMAGE_ARRAY
    (H, W, 3) uint8 and LABEL_ARRAY (H, W) unsigned integers, and then "file_name" only serves to
    name the sample.

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
        self.table = LabelTable(values, len(vocabulary))

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
        image, labels = self.image(sample), self.labels(sample)
        self.expect_one_size(sample, image, labels)
        return image, labels

    def image(self, sample: Sample) -> np.ndarray:
        """The image alone. Raises as `__call__`."""
        return sample[IMAGE_ARRAY] if IMAGE_ARRAY in sample else read_image(sample["file_name"])

    def labels(self, sample: Sample) -> np.ndarray:
        """The labels alone. Raises as `__call__`."""
        if LABEL_READER in sample:
            return sample[LABEL_READER]()
        source = _labels_of(sample)
        stored = sample[LABEL_ARRAY] if LABEL_ARRAY in sample else read_label(source)
        return self.table(stored, source)

    def expect_one_size(self, sample: Sample, image: np.ndarray, labels: np.ndarray) -> None:
        """Raises ValueError if a sample's image and label map are not of one size."""
        expect_one_size(_labels_of(sample), labels.shape, sample["file_name"], image.shape)


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
            dict: the sample's own entries; "image" (3, H, W), uint8 or float32 in 0..255, "sem_seg"
            (H, W) int64 of the same size, "vocabulary" (in an episode an `Episode`), and the
            "height" and "width" before augmentation.
        """
        image, label = self.reader(sample)
        height, width = label.shape
        for augmentation in self.augmentations:
            image, label = augmentation(image, label, rng)
        vocabulary = self.reader.vocabulary
        if "episode" in sample:
            vocabulary = Episode.about(vocabulary, sample["episode"])
        return _mapped(sample, image, label, (height, width), vocabulary)


class EvaluationMapper:
    """
    Args:
        reader: of the dataset.
        resize: for the image; predictions are scored at the label map's own size.
        asked: the names to segment, where they are not those of the dataset; a sample's own
            "vocabulary" wins.
    """

    def __init__(
        self, reader: SampleReader, resize: Resize, asked: Vocabulary | None = None
    ) -> None:
        self.reader = reader
        self.resize = resize
        self.asked = asked or reader.vocabulary

    def __call__(self, sample: Sample) -> Sample:
        """
        As TrainingMapper, but "sem_seg" is (height, width), whatever size "image" has, and an
        episode has the vocabulary of its sample: what is asked for, not what labels are.
        """
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
        **{key: value for key, value in sample.items() if key not in _CONTENT},
        "image": torch.from_numpy(image.transpose(2, 0, 1).copy()),
        "sem_seg": torch.from_numpy(label.copy()),
        "vocabulary": vocabulary,
        "height": size[0],
        "width": size[1],
    }


def _labels_of(sample: Sample) -> str:
    return sample.get("sem_seg_file_name", f"the label map of {sample['file_name']}")
