"""
What a model is asked about in training, and what the labels of its pixels are then.

A sample's labels are those of the full vocabulary. Which names a method may look at, and what
becomes of the pixels of the others, is its setting: inductive, transductive, a question of its own
for every image.
"""

from .build import build_label_policy
from .inductive import Inductive
from .known_names import UNASSIGNED, AllLabels, KnownNames, Transductive
from .labels import looked_up, remapped, the_only
from .one_against_others import OneAgainstOthers, OneAgainstOthersWithEdges

__all__ = [
    "UNASSIGNED",
    "AllLabels",
    "Inductive",
    "KnownNames",
    "OneAgainstOthers",
    "OneAgainstOthersWithEdges",
    "Transductive",
    "build_label_policy",
    "looked_up",
    "remapped",
    "the_only",
]
