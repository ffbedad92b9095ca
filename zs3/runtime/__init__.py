"""The seam to Detectron2: its names, from it where it is installed, else from `embedded`."""

from __future__ import annotations

from .choice import RUNTIME

__all__ = ["RUNTIME"]
