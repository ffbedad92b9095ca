"""Any checkpoint as a directory of its own, which `zs3.load` and MODEL.WEIGHTS take."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ..checkpoints.weight_file import CONFIG, FINAL, VOCABULARY, WeightFile, weight_file
from ..data import register_datasets, vocabulary_of
from ..runtime.config import CfgNode, dump
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary
from .weights import Fit, export_weights


def config_beside(source: str | Path) -> Path:
    """
    The configuration that training wrote beside its weights.

    Raises:
        FileNotFoundError: there is none.
    """
    config = weight_file(source).parent / CONFIG
    if not config.is_file():
        raise FileNotFoundError(
            f"there is no {CONFIG} beside {source}; say what model it is: --config-file FILE."
        )
    return config


def vocabulary_for(
    cfg: CfgNode, source: str | Path, classes: str | None = None, seen: str | None = None
) -> Vocabulary:
    """
    The names a model was trained and tested on.

    Args:
        classes: a file of them, see `Vocabulary.load`; by default what stands beside the weights,
            else those of the configured dataset.
        seen: a file of those among `classes` that had training masks; all of them by default.

    Raises:
        OSError, ValueError: a file that cannot be read, seen names that are no classes, or no names
            anywhere.
    """
    if classes:
        vocabulary = Vocabulary.load(classes)
        if not seen:
            return vocabulary
        chosen = vocabulary.only(Vocabulary.load(seen).names).names
        is_seen = tuple(name in chosen for name in vocabulary.names)
        return Vocabulary(vocabulary.names, is_seen, vocabulary.synonyms)
    beside = weight_file(source).parent / VOCABULARY
    if beside.is_file():
        return Vocabulary.load(beside)
    register_datasets(cfg)
    datasets = [*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST]
    if not datasets:
        raise ValueError(
            "the configuration names no dataset, so the class names must be given: --classes FILE."
        )
    return vocabulary_of(datasets[0])


def write_model(
    directory: Path, cfg: CfgNode, model: ZeroShotSegmentor, vocabulary: Vocabulary, source: Path
) -> None:
    """
    Writes what `zs3.load` wants: weights, configuration, vocabulary.

    Args:
        directory: exists.
        source: the file the weights are from, to be told with them.

    Raises:
        ValueError: a classifier for another number of classes.
    """
    rows = getattr(model.naming, "num_classes", len(vocabulary))
    if rows != len(vocabulary):
        raise ValueError(
            f"the classifier is for {rows} classes, but the vocabulary has {len(vocabulary)} "
            "names; give those it was trained on: --classes FILE."
        )
    cfg = cfg.clone()
    cfg.defrost()
    # The weights are beside it from now on.
    cfg.MODEL.WEIGHTS = cfg.MODEL.BACKBONE.WEIGHTS = ""
    (directory / CONFIG).write_text(dump(cfg), encoding="utf-8")
    vocabulary.save(directory / VOCABULARY)
    export_weights(model, directory / FINAL, {"source": source.name})


def report(file: WeightFile, fit: Fit) -> str:
    """What becomes of the tensors of a file, in a table of numbers."""
    rows = [
        ("loaded", len(fit.matched), ""),
        *(("dropped", count, reason) for reason, count in Counter(file.dropped.values()).items()),
        ("elsewhere", len(fit.elsewhere), "the model has them from MODEL.CLIP"),
        ("missing", len(fit.missing), "in the model and not in the file"),
        ("unexpected", len(fit.unexpected), "in the file and not in the model"),
        ("of another shape", len(fit.mismatched), ""),
    ]
    lines = [f"{what:16} {count:5}  {why if count else ''}".rstrip() for what, count, why in rows]
    title = f"{file.path}: {file.family or 'names as they are'}"
    return "\n".join([title, *(f"  {line}" for line in lines)])
