"""Fills the templates beside this file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import jinja2

from ...files import write_atomically
from ...version import __version__
from ..curve import NOTE
from ..thumbnails import ERRORS
from . import confusions, curve, tables
from .evaluated import Evaluation, read_evaluations

PAGE = "report.html"


def write_page(directories: Iterable[str | Path], path: str | Path) -> None:
    """
    Writes one page about the evaluations in some directories, atomically.

    Evaluations of one dataset stand side by side, in the order given.

    Raises:
        FileNotFoundError, ValueError: see `read_evaluations`.
    """
    sets: dict[str, list[Evaluation]] = {}
    for evaluation in read_evaluations(directories):
        sets.setdefault(evaluation.dataset, []).append(evaluation)
    page = _templates().get_template("page.html").render(sets=sets)
    write_atomically(path, page.encode())


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # class and file names are anybody's text
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["thousands"] = "{:,}".format
    environment.globals |= {
        "calibration_note": NOTE,
        "confusions": confusions,
        "curve": curve,
        "tables": tables,
        "error_colours": {
            name: f"rgb({r} {g} {b} / {a / 255:.2f})" for name, (r, g, b, a) in ERRORS.items()
        },
        "version": __version__,
    }
    return environment


def _percent(value: float | None) -> str:
    """A dash where it is undefined."""
    return "-" if value is None else f"{value:.1f}"
