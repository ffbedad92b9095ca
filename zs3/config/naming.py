"""What compares regions with text."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.NAMING = CN()
    # "TextClassifier" (cosine), "Projection" (plain inner product), "CostVolume" (cosines with
    # every template, for an aggregation), "CascadeNaming" (attention, see MODEL.CASCADE), or
    # "Linear" (weights of its own for the classes of one vocabulary).
    cfg.MODEL.NAMING.NAME = "TextClassifier"
    # Layers of the map from region embeddings into the text space; more than one put ReLU between.
    # 0: none.
    cfg.MODEL.NAMING.LAYERS = 1
    # Divides the cosines; trained if LEARN_TEMPERATURE, down to MIN_TEMPERATURE.
    cfg.MODEL.NAMING.TEMPERATURE = 0.01
    cfg.MODEL.NAMING.LEARN_TEMPERATURE = False
    cfg.MODEL.NAMING.MIN_TEMPERATURE = 0.01
    # A learned last column for regions that are no class. Set criteria need it, pixel criteria do
    # not.
    cfg.MODEL.NAMING.WITH_VOID = True
    # Scale the void vector to unit length like the classes; the published ZegFormer does not.
    cfg.MODEL.NAMING.NORMALIZE_VOID = False

    # Linear: classes of the vocabulary it belongs to.
    cfg.MODEL.NAMING.NUM_CLASSES = 0
