"""Scores, tables and pictures of what a segmentor predicts."""

from .episode_evaluator import EpisodeEvaluator
from .gallery import Gallery
from .oracle import MaskFolder, Oracle
from .report import class_table, print_report, summary_table
from .zero_shot import ZeroShotEvaluator

__all__ = [
    "EpisodeEvaluator",
    "Gallery",
    "MaskFolder",
    "Oracle",
    "ZeroShotEvaluator",
    "class_table",
    "print_report",
    "summary_table",
]
