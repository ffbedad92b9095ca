"""`detectron2.structures`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.structures import ImageList
else:
    from detectron2.structures import ImageList

__all__ = ["ImageList"]
