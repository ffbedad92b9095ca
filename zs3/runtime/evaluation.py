"""`detectron2.evaluation`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.evaluation import (
        DatasetEvaluator,
        DatasetEvaluators,
        inference_on_dataset,
        print_csv_format,
    )
else:
    from detectron2.evaluation import (
        DatasetEvaluator,
        DatasetEvaluators,
        inference_on_dataset,
        print_csv_format,
    )

__all__ = ["DatasetEvaluator", "DatasetEvaluators", "inference_on_dataset", "print_csv_format"]
