"""The evaluators that a configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..runtime.config import CfgNode
from ..runtime.data import MetadataCatalog
from ..spectral.segmenter import build_segmenter
from ..vocabulary import Vocabulary
from .boundary import BoundaryIoU
from .calibration import Calibration
from .comparisons import Comparisons
from .episodes import ORACLE
from .folds import EPISODES, FoldEvaluator
from .gallery import Gallery
from .masks import MaskFolder, Masks
from .measure import Measure
from .observer import Observer
from .oracle import Oracle
from .protocols import PROTOCOLS, STANDARD, runs
from .questions import Question
from .zero_shot import ZeroShotEvaluator

Evaluator = ZeroShotEvaluator | FoldEvaluator


def build_evaluators(cfg: CfgNode, name: str, trained: Vocabulary | None = None) -> list[Evaluator]:
    """
    One for every run of the model over a dataset that TEST.PROTOCOLS needs.

    They write to OUTPUT_DIR/inference/NAME, those of other than the standard question or size to a
    folder in it, called as their first protocol.

    Args:
        name: of the registered dataset.
        trained: the vocabulary of the model's training data, if it is known.

    Raises:
        ValueError: unknown protocols, or such that do not suit the dataset.
    """
    folder = Path(cfg.OUTPUT_DIR) / "inference" / name
    metadata = MetadataCatalog.get(name)
    if metadata.get("evaluator_type") == EPISODES:
        return [
            FoldEvaluator(
                Vocabulary.from_metadata(metadata),
                protocols=[*cfg.TEST.PROTOCOLS, *([ORACLE] if cfg.TEST.ORACLE else [])],
                ignore_label=metadata.ignore_label,
                masks=_oracle_masks(cfg) if cfg.TEST.ORACLE else None,
                output_dir=folder,
            )
        ]
    evaluators: list[Evaluator] = []
    for protocols in runs(cfg.TEST.PROTOCOLS):
        first = PROTOCOLS[protocols[0]]
        is_standard = first.run == PROTOCOLS[STANDARD].run
        if first.size == "grid" and (cfg.TEST.SLIDING_WINDOW.ENABLED or cfg.TEST.AUG.ENABLED):
            raise ValueError(
                f"protocol {protocols[0]!r} compares on the features of one look at an image; set "
                "TEST.SLIDING_WINDOW.ENABLED and TEST.AUG.ENABLED False."
            )
        question = first.ask(metadata, trained)
        own = folder if is_standard else folder / protocols[0]
        has_page = cfg.TEST.REPORT and STANDARD in protocols
        evaluators.append(
            ZeroShotEvaluator.of_dataset(
                name,
                own,
                question=question,
                protocols=protocols,
                measures=measures_of(cfg, question),
                observers=_observers(cfg, own, question, metadata.get("palette"), has_page),
            )
        )
    return evaluators


def _observers(
    cfg: CfgNode,
    folder: Path,
    question: Question,
    palette: Sequence[Sequence[int]] | None,
    has_page: bool,
) -> list[Observer]:
    """Those that draw, and the oracle."""
    scored, colours = question.scored, class_colours(question, palette)
    observers: list[Observer] = []
    if cfg.TEST.PICTURES:
        observers.append(Comparisons(folder / "pictures", cfg.TEST.PICTURES, scored, colours))
    if has_page:
        observers.append(Gallery(folder, scored, colours=colours))
    if cfg.TEST.ORACLE:
        observers.append(Oracle(scored, masks=_oracle_masks(cfg), directory=folder))
    return observers


def class_colours(question: Question, palette: Sequence[Sequence[int]] | None) -> np.ndarray | None:
    """(K, 3) uint8, of the scored classes, from the colours of the label maps' classes."""
    if palette is None:
        return None
    chosen = [question.tested.index(name) for name in question.scored.names]
    return np.asarray(palette, np.uint8)[chosen]


def _oracle_masks(cfg: CfgNode) -> Masks:
    if cfg.TEST.ORACLE_MASKS:
        return MaskFolder(cfg.TEST.ORACLE_MASKS, cfg.MODEL.SPECTRAL.ENLARGEMENT)
    segmenter = build_segmenter(cfg)
    return lambda file, image, size: segmenter.masks(image, size)


def measures_of(cfg: CfgNode, question: Question) -> list[Measure]:
    """What TEST asks to count besides; calibration only where seen and unseen names compete."""
    count = len(question.scored)
    measures: list[Measure] = [BoundaryIoU(count)] if cfg.TEST.BOUNDARY_IOU else []
    gammas = calibration_gammas(cfg)
    if gammas and question.num_answers == count and 0 < len(question.asked.seen) < count:
        measures.append(Calibration(gammas, count, cfg.MODEL.SEEN_BIAS.GAMMA))
    return measures


def calibration_gammas(cfg: CfgNode) -> Sequence[float]:
    """
    TEST.CALIBRATION.GAMMAS, or COUNT of them from 0 to 1; none is no calibration curve.

    Raises:
        ValueError: both, or a count of 1 or less than 0.
    """
    gammas, count = cfg.TEST.CALIBRATION.GAMMAS, cfg.TEST.CALIBRATION.COUNT
    if count < 0 or count == 1 or (gammas and count):
        raise ValueError(
            f"TEST.CALIBRATION has GAMMAS {list(gammas)} and COUNT {count}; expected either a list "
            "or a count of 2 or more."
        )
    return list(gammas) or np.linspace(0, 1, count).tolist()
