"""The evaluator of a dataset."""

from __future__ import annotations

from pathlib import Path

from ..data.mapper import SampleReader
from ..runtime.config import CfgNode
from ..runtime.data import MetadataCatalog
from ..spectral.segmenter import build_segmenter
from .episode_evaluator import EpisodeEvaluator
from .gallery import Gallery
from .oracle import MaskFolder, Masks, Oracle
from .zero_shot import Observer, ZeroShotEvaluator


def build_evaluator(
    cfg: CfgNode, name: str, folder: str | Path
) -> ZeroShotEvaluator | EpisodeEvaluator:
    """
    What TEST asks for, for a registered dataset: of episodes or of whole label maps.

    Args:
        folder: where it writes.
    """
    if MetadataCatalog.get(name).evaluator_type == "episodes":
        return EpisodeEvaluator.of_dataset(
            name, folder, void_counts=cfg.TEST.VOID_COUNTS, oracle=_oracle_masks(cfg)
        )
    observers: list[Observer] = [Gallery.of_dataset(name, folder)] if cfg.TEST.REPORT else []
    masks = _oracle_masks(cfg)
    if masks is not None:
        reader = SampleReader.of_dataset(name)
        oracle = Oracle(
            reader.vocabulary, ignore_label=reader.ignore_label, masks=masks, directory=folder
        )
        observers.append(oracle)
    return ZeroShotEvaluator.of_dataset(
        name, folder, cfg.TEST.PICTURES, cfg.TEST.PROTOCOLS, observers
    )


def _oracle_masks(cfg: CfgNode) -> Masks | None:
    if not cfg.TEST.ORACLE:
        return None
    if cfg.TEST.ORACLE_MASKS:
        return MaskFolder(cfg.TEST.ORACLE_MASKS)
    return build_segmenter(cfg).masks
