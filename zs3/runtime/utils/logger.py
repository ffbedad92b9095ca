"""`detectron2.utils.logger`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from ..embedded.utils.logger import setup_logger
else:
    from detectron2.utils.logger import setup_logger

__all__ = ["setup_logger"]
