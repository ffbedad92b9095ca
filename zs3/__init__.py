"""zs3: zero-shot and open-vocabulary semantic segmentation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .inference.load import load
    from .inference.predictor import Segmenter
    from .inference.result import Segmentation
    from .vocabulary import Vocabulary

__all__ = ["Segmentation", "Segmenter", "Vocabulary", "__version__", "load"]

_HOME = {
    "Segmentation": ".inference.result",
    "Segmenter": ".inference.predictor",
    "Vocabulary": ".vocabulary",
    "load": ".inference.load",
}


def __getattr__(name: str) -> object:
    """Imports a public name when it is first asked for: torch and open_clip take seconds."""
    if name not in _HOME:
        raise AttributeError(f"module 'zs3' has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)
