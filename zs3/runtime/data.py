"""`detectron2.data`: what zs3 uses of it. Samplers, loaders and augmentation are zs3's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.data import DatasetCatalog, MetadataCatalog
else:
    from detectron2.data import DatasetCatalog, MetadataCatalog

__all__ = ["DatasetCatalog", "MetadataCatalog"]
