"""
Which implementation stands behind zs3.runtime. Decided here, once, at the first import.

The sibling modules ask `RUNTIME` which of the two to re-export from. Type checkers are shown the
embedded one (`if TYPE_CHECKING or ...`): it has annotations, and it is always there.
"""

from __future__ import annotations

import importlib
import os
from typing import Final


def choose() -> str:
    """
    "detectron2" if it is installed, else "embedded". The environment's ZS3_RUNTIME forces either.

    Raises:
        ValueError: ZS3_RUNTIME is something else.
        ImportError: Detectron2 is installed but broken, or forced but not installed.
    """
    forced = os.environ.get("ZS3_RUNTIME", "")
    if forced not in ("", "embedded", "detectron2"):
        raise ValueError(
            f"ZS3_RUNTIME is {forced!r}; expected 'embedded' or 'detectron2', or unset it, to use "
            "Detectron2 where it is installed."
        )
    if forced == "embedded":
        return "embedded"
    try:
        importlib.import_module("detectron2.config")
    except Exception as error:
        if not (isinstance(error, ModuleNotFoundError) and error.name == "detectron2"):
            raise ImportError(
                f"importing Detectron2 failed ({type(error).__name__}: {error}). "
                "Repair it, or set ZS3_RUNTIME=embedded to run without it."
            ) from error
        if forced:
            raise ImportError(
                "ZS3_RUNTIME=detectron2 asks for Detectron2, which is not installed. Install it "
                "(docs/runtime.md), or unset ZS3_RUNTIME."
            ) from error
        return "embedded"
    return "detectron2"


RUNTIME: Final = choose()
