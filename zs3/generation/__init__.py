"""Generation: features of pixels made from names, for classes that no pixel shows."""

from .generators import Generator, GraphGenerator

__all__ = ["Generator", "GraphGenerator"]
