"""The datasets zs3 brings, one family a file."""

from ..image_set import register_image_sets
from . import ade20k, coco, pascal_context, voc
from .shapes import register_shapes

IMAGE_SETS = (*voc.SETS, *pascal_context.SETS, *coco.SETS, *ade20k.SETS)

__all__ = ["IMAGE_SETS", "register_all", "register_shapes"]


def register_all() -> None:
    """Registers every one of them by name; a name that is registered already is left alone."""
    register_shapes()
    register_image_sets(IMAGE_SETS)
