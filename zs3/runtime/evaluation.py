"""`detectron2.evaluation`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.evaluation import (
        DatasetEvaluator,
        DatasetEvaluators,
        inference_on_dataset,
        print_csv_format,
    )

    # Detectron2's own, for benchmarks to compare with; there is none without it.
    SemSegEvaluator: Any = None
else:
    from detectron2.evaluation import (
        DatasetEvaluator,
        DatasetEvaluators,
        SemSegEvaluator,
        inference_on_dataset,
        print_csv_format,
    )

__all__ = [
    "DatasetEvaluator",
    "DatasetEvaluators",
    "SemSegEvaluator",
    "inference_on_dataset",
    "print_csv_format",
]
