"""Training: the loop, what it repeats, and what it leaves on disk."""

from .build import build_trainer
from .checkpointer import Checkpointer
from .steps import SupervisedStep, TrainingStep
from .trainer import Trainer
from .weights import export_weights, load_weights

__all__ = [
    "Checkpointer",
    "SupervisedStep",
    "Trainer",
    "TrainingStep",
    "build_trainer",
    "export_weights",
    "load_weights",
]
