"""Scores, tables and pictures of what a segmentor predicts."""

from .report import class_table, print_report, print_results, summary_table
from .zero_shot import ZeroShotEvaluator

__all__ = [
    "ZeroShotEvaluator",
    "class_table",
    "print_report",
    "print_results",
    "summary_table",
]
