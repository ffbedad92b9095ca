"""The datasets zs3 brings, one file each."""

from .shapes import register_shapes

__all__ = ["register_all", "register_shapes"]


def register_all() -> None:
    """Registers every one of them by name; a name that is registered already is left alone."""
    register_shapes()
