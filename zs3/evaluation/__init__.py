"""Scores, tables and pictures of what a segmentor predicts."""

from .gallery import Gallery
from .report import class_table, print_report, print_results, summary_table
from .zero_shot import ZeroShotEvaluator

__all__ = [
    "Gallery",
    "ZeroShotEvaluator",
    "class_table",
    "print_report",
    "print_results",
    "summary_table",
]
