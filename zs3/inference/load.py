"""Finished models from a directory or a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..checkpoints.weight_file import VOCABULARY, weight_file
from ..config import get_config
from ..data import register_datasets, vocabulary_of
from ..engine.weights import load_weights
from ..runtime.config import CfgNode
from ..runtime.modeling import build_model
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary
from .predictor import Segmenter

CONFIG = "config.yaml"


def load(source: str | Path, opts: Sequence[str] = ()) -> Segmenter:
    """
    A model that is ready to segment.

    Args:
        source: an output directory of train_net.py (config.yaml, model_final.safetensors,
            vocabulary.json), or a configuration file whose MODEL.WEIGHTS, or failing that whose
            OUTPUT_DIR, has the weights.
        opts: KEY VALUE pairs that overrule the configuration, e.g. ["MODEL.DEVICE", "cpu"].

    Raises:
        ValueError, FileNotFoundError: nothing to load there, or weights that do not fit the
            configuration.
    """
    source = Path(source)
    if source.is_dir():
        if not (source / CONFIG).exists():
            raise FileNotFoundError(
                f"{source} holds no {CONFIG}; expected an output directory of train_net.py."
            )
        opts = [*opts, *([] if "MODEL.WEIGHTS" in opts else ["MODEL.WEIGHTS", str(source)])]
        cfg = get_config(source / CONFIG, opts)
    else:
        cfg = get_config(source, opts)
        if not cfg.MODEL.WEIGHTS:
            if not Path(cfg.OUTPUT_DIR).is_dir():
                raise FileNotFoundError(
                    f"{source} names no MODEL.WEIGHTS, and its OUTPUT_DIR {cfg.OUTPUT_DIR} does "
                    "not exist. Train it first (train_net.py), or pass the weights: "
                    "opts=['MODEL.WEIGHTS', FILE]."
                )
            cfg = get_config(source, [*opts, "MODEL.WEIGHTS", cfg.OUTPUT_DIR])
    return segmenter_of(cfg)


def segmenter_of(cfg: CfgNode) -> Segmenter:
    """
    The model of a configuration with the weights it names, and the vocabulary it was trained on.
    """
    model = build_model(cfg)
    assert isinstance(model, ZeroShotSegmentor)
    weights = weight_file(cfg.MODEL.WEIGHTS)
    load_weights(model, weights)
    trained = _trained_vocabulary(cfg, weights)
    model.vocabulary = trained
    return Segmenter(model, trained, cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST)


def _trained_vocabulary(cfg: CfgNode, weights: Path) -> Vocabulary | None:
    """What stands beside the weights, else that of the first test set, else nothing."""
    beside = weights.parent / VOCABULARY
    if beside.exists():
        return Vocabulary.load(beside)
    register_datasets(cfg)
    return vocabulary_of(cfg.DATASETS.TEST[0]) if cfg.DATASETS.TEST else None
