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
        if IMAGE_ARRAY in sample:
            image, stored, source = sample[IMAGE_ARRAY], sample[LABEL_ARRAY], sample["file_name"]
        else:
            source = sample["sem_seg_file_name"]
            image, stored = read_image(sample["file_name"]), read_label(source)
        expect_one_size(source, stored.shape, sample["file_name"], image.shape)
        return image, self.table(stored, source)


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
    """

    def __init__(self, reader: SampleReader, resize: Resize) -> None:
        self.reader = reader
        self.resize = resize

    def __call__(self, sample: Sample) -> Sample:
        """
        As TrainingMapper, but "sem_seg" is (height, width), whatever size "image" has, and an
        episode has the vocabulary of its sample: what is asked for, not what labels are.
        """
        image, label = self.reader(sample)
        vocabulary = sample.get("vocabulary", self.reader.vocabulary)
        return _mapped(sample, self.resize.image(image), label, label.shape, vocabulary)


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
