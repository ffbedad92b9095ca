"""Finished models from a directory, a configuration or the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..checkpoints.weight_file import CONFIG, VOCABULARY, weight_file
from ..config import get_config
from ..data import register_datasets, vocabulary_of
from ..data.pipelines import build_test_resize
from ..engine.weights import load_weights
from ..runtime.config import CfgNode
from ..runtime.modeling import build_model
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary
from .hub import fetch, hub_name
from .predictor import Segmenter


def load(source: str | Path, opts: Sequence[str] = (), half: bool = False) -> Segmenter:
    """
    A model that is ready to segment.

    Args:
        source: an output directory of train_net.py (config.yaml, model_final.safetensors,
            vocabulary.json); such a directory on the Hugging Face hub, "hub:owner/name" (or
            "owner/name", if nothing here is called so); or a configuration file whose
            MODEL.WEIGHTS, or failing that whose OUTPUT_DIR, has the weights.
        opts: KEY VALUE pairs that overrule the configuration, e.g. ["MODEL.DEVICE", "cpu"].
        half: see `Segmenter`.

    Raises:
        ValueError, FileNotFoundError: nothing to load there, or weights that do not fit the
            configuration.
    """
    return segmenter_of(model_config(source, opts), half)


def model_config(source: str | Path, opts: Sequence[str] = ()) -> CfgNode:
    """The configuration of what `load` would load, with MODEL.WEIGHTS; errors as there."""
    name = hub_name(source)
    source = fetch(name) if name else Path(source)
    if source.is_dir():
        if not (source / CONFIG).exists():
            raise FileNotFoundError(
                f"{source} holds no {CONFIG}; expected an output directory of train_net.py."
            )
        named = "MODEL.WEIGHTS" in opts[::2]
        return get_config(source / CONFIG, opts, {} if named else {"MODEL.WEIGHTS": str(source)})
    cfg = get_config(source, opts)
    if cfg.MODEL.WEIGHTS:
        return cfg
    if not Path(cfg.OUTPUT_DIR).is_dir():
        raise FileNotFoundError(
            f"{source} names no MODEL.WEIGHTS, and its OUTPUT_DIR {cfg.OUTPUT_DIR} does "
            "not exist. Train it first (train_net.py), or pass the weights: "
            "opts=['MODEL.WEIGHTS', FILE]."
        )
    return get_config(source, opts, {"MODEL.WEIGHTS": cfg.OUTPUT_DIR})


def segmenter_of(cfg: CfgNode, half: bool = False) -> Segmenter:
    """
    The model of a configuration with the weights it names, and the vocabulary it was trained on.
    """
    weights = weight_file(cfg.MODEL.WEIGHTS)
    model = build_model(cfg)
    assert isinstance(model, ZeroShotSegmentor)
    load_weights(model, weights)
    trained = _trained_vocabulary(cfg, weights)
    model.vocabulary = trained
    return Segmenter(model, trained, build_test_resize(cfg), cfg.INPUT.MAX_SIZE_TEST, half)


def _trained_vocabulary(cfg: CfgNode, weights: Path) -> Vocabulary | None:
    """What stands beside the weights, else that of the first test set, else nothing."""
    beside = weights.parent / VOCABULARY
    if beside.exists():
        return Vocabulary.load(beside)
    register_datasets(cfg)
    return vocabulary_of(cfg.DATASETS.TEST[0]) if cfg.DATASETS.TEST else None
