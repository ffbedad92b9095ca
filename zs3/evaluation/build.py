"""The evaluators that a configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..runtime.config import CfgNode
from ..runtime.data import MetadataCatalog
from ..vocabulary import Vocabulary
from .boundary import BoundaryIoU
from .calibration import Calibration
from .folds import EPISODES, FoldEvaluator, masks_in
from .measure import Measure
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
                protocols=cfg.TEST.PROTOCOLS,
                ignore_label=metadata.ignore_label,
                masks=masks_in(cfg.TEST.ORACLE_MASKS) if cfg.TEST.ORACLE_MASKS else None,
                output_dir=folder,
            )
        ]
    evaluators: list[Evaluator] = []
    for protocols in runs(cfg.TEST.PROTOCOLS):
        first = PROTOCOLS[protocols[0]]
        question = first.ask(metadata, trained)
        is_standard = first.run == PROTOCOLS[STANDARD].run
        evaluators.append(
            ZeroShotEvaluator.of_dataset(
                name,
                folder if is_standard else folder / protocols[0],
                cfg.TEST.PICTURES,
                protocols,
                measures_of(cfg, question),
                question,
            )
        )
    return evaluators


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
