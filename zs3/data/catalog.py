"""Datasets by name: zs3's own, and those that YAML files describe or derive from others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any  # metadata and YAML hold values of any type

from ..nearest import did_you_mean, quoted
from ..runtime.config import CfgNode
from ..runtime.data import DatasetCatalog, MetadataCatalog
from ..vocabulary import Vocabulary
from .datasets import register_all
from .description import read_description, read_yaml
from .folder import FolderDataset
from .held_out import KEYS as HELD_OUT_KEYS
from .held_out import HeldOut
from .mapper import Sample


def register_datasets(cfg: CfgNode) -> None:
    """
    Makes zs3's datasets and those of DATASETS.FILES known to DatasetCatalog and MetadataCatalog.

    Only names and classes are read, no image is looked for yet. Doing so again is fine.

    Raises:
        FileNotFoundError, ValueError: see `register_folder` and `register_held_out`.
    """
    register_all()
    for file in cfg.DATASETS.FILES:
        given = read_yaml(file)
        if isinstance(given, dict) and "of" in given:
            register_held_out(file, given)
        else:
            register_folder(file)


def register_folder(file: str | Path) -> FolderDataset:
    """
    Registers the parts of a description as NAME_train and NAME_val. Its images are listed when they
    are asked for.

    Raises:
        FileNotFoundError, ValueError: see `read_description`; also a name that another dataset has.
    """
    dataset = read_description(file)
    _register_parts(
        dataset,
        stuff_classes=list(dataset.vocabulary.names),
        unseen=list(dataset.vocabulary.unseen),
        prompts=dict(dataset.prompts),
        ignore_label=dataset.classes.ignore_label,
        label_values=dict(dataset.classes.of_value),
        evaluator_type="sem_seg",
    )
    return dataset


def register_held_out(file: str | Path, given: Mapping[str, Any]) -> HeldOut:
    """
    Registers the parts of what a file derives from a dataset, as `register_folder` does.

    Raises:
        ValueError: wrong keys or values (see `HeldOut`), an unknown dataset, or a name that another
            dataset has.
    """
    if set(given) != set(HELD_OUT_KEYS):
        raise ValueError(
            f"{file} has the keys {', '.join(given)}; expected {', '.join(HELD_OUT_KEYS)}."
        )
    dataset = HeldOut.read(Path(file), given, vocabulary_of(given["of"]))
    _register_parts(dataset, **dataset.metadata())
    return dataset


def _register_parts(dataset: FolderDataset | HeldOut, **metadata: Any) -> None:
    origin = str(dataset.file.resolve())
    for part in dataset.parts:
        name = f"{dataset.name}_{part}"
        if name in DatasetCatalog.list():
            if MetadataCatalog.get(name).get("description") != origin:
                raise ValueError(
                    f"{dataset.file}: a dataset {name!r} exists already; give this one another "
                    "name."
                )
            DatasetCatalog.remove(name)
            MetadataCatalog.remove(name)
        DatasetCatalog.register(name, partial(dataset.samples, part))
        MetadataCatalog.get(name).set(**metadata, description=origin)


def vocabulary_of(name: str) -> Vocabulary:
    """The names of a registered dataset. Raises ValueError for an unknown one."""
    _expect_known(name)
    return Vocabulary.from_metadata(MetadataCatalog.get(name))


def configured_vocabulary(cfg: CfgNode) -> Vocabulary | None:
    """
    The names of the first of DATASETS.TEST and DATASETS.TRAIN that is registered, if one is:
    Detectron2's own trainer and predictor pass no vocabulary with their images.
    """
    known = DatasetCatalog.list()
    names = [name for name in (*cfg.DATASETS.TEST, *cfg.DATASETS.TRAIN) if name in known]
    return vocabulary_of(names[0]) if names else None


def load_dataset(name: str) -> list[Sample]:
    """
    The dicts of a registered dataset.

    Raises:
        ValueError: an unknown name, or a dataset without images.
    """
    _expect_known(name)
    samples = DatasetCatalog.get(name)
    if not samples:
        raise ValueError(f"dataset {name!r} has no images.")
    return samples


def _expect_known(name: str) -> None:
    known = sorted(DatasetCatalog.list())
    if name not in known:
        hint = did_you_mean(name, known) or " `zs3 datasets` lists those there are."
        raise ValueError(
            f"no dataset is called {quoted(name)}.{hint} Your own data come in by the YAML file "
            "that describes them: in DATASETS.FILES, or given to a command in the place of a name."
        )
