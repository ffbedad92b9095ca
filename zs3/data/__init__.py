"""Datasets, and what turns them into batches."""

from .catalog import (
    configured_vocabulary,
    load_dataset,
    register_datasets,
    register_folder,
    vocabulary_of,
)
from .loader import build_test_loader, build_train_loader
from .reading import read_image, read_label

__all__ = [
    "build_test_loader",
    "build_train_loader",
    "configured_vocabulary",
    "load_dataset",
    "read_image",
    "read_label",
    "register_datasets",
    "register_folder",
    "vocabulary_of",
]
