"""The inference mode of a configuration."""

from __future__ import annotations

from ..runtime.config import CfgNode
from .modes import InferenceMode, whole
from .sliding import SlidingWindow
from .tta import MultiScaleFlip


def build_inference(cfg: CfgNode) -> InferenceMode:
    """What TEST.SLIDING_WINDOW and TEST.AUG ask for; both together slide over every size."""
    look: InferenceMode = whole
    window = cfg.TEST.SLIDING_WINDOW
    augmented = cfg.TEST.AUG
    if window.ENABLED:
        look = SlidingWindow(
            window.CROP, window.STRIDE, window.RESIZE_TO, window.WITH_WHOLE, window.BATCH
        )
    if augmented.ENABLED:
        sizes = tuple(augmented.MIN_SIZES)
        look = MultiScaleFlip(
            sizes,
            augmented.MAX_SIZE,
            augmented.FLIP,
            look,
            softmax=augmented.SOFTMAX,
            class_chunk=cfg.TEST.CLASS_CHUNK,
        )
    return look
