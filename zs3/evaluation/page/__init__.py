"""Evaluations as one HTML page that needs nothing beside itself: no network, no script."""

from .evaluated import RUN
from .write import PAGE, write_page

__all__ = ["PAGE", "RUN", "write_page"]
