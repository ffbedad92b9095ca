"""Training: the loop, what it repeats, and what it leaves on disk."""

from .build import build_step, build_trainer
from .checkpointer import Checkpointer
from .generative import GenerativeStep
from .matching import MatchingStep
from .self_training import SelfTraining
from .steps import SupervisedStep, TrainingStep
from .trainer import Trainer
from .weights import export_weights, load_weights

__all__ = [
    "Checkpointer",
    "GenerativeStep",
    "MatchingStep",
    "SelfTraining",
    "SupervisedStep",
    "Trainer",
    "TrainingStep",
    "build_step",
    "build_trainer",
    "export_weights",
    "load_weights",
]
