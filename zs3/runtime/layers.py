"""`detectron2.layers`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.layers import ShapeSpec
else:
    from detectron2.layers import ShapeSpec

__all__ = ["ShapeSpec"]
