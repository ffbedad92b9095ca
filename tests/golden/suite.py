"""One pytest item per golden case, dispatched on the case's kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from golden import Case, case_paths, load_case

Kinds = dict[str, Callable[[Case], None]]
NOT_REPRODUCED = Path(__file__).with_name("not_reproduced.json")


def cases(method: str) -> list[object]:
    """
    Parameters for a test function that takes the path of a case; none where the folder is absent.
    """
    return [pytest.param(path, id=path.stem) for path in case_paths(method)]


def run(path: Path, kinds: Kinds, not_yet: frozenset[str]) -> None:
    """
    Checks one case.

    Args:
        kinds: how each kind is checked. A kind that is in neither collection fails.
        not_yet: kinds of parts that zs3 does not have yet.
    """
    meta = json.loads(path.read_text())
    kind = meta["kind"]
    for entry in json.loads(NOT_REPRODUCED.read_text()):
        if entry["kind"] == kind and all(
            meta.get(k) == v for k, v in entry.get("options", {}).items()
        ):
            pytest.skip(f"not reproduced: {entry['reason']}")
    if kind in not_yet:
        pytest.skip(f"zs3 has no part for cases of kind {kind!r} yet")
    assert kind in kinds, f"no check for cases of kind {kind!r}"
    kinds[kind](load_case(path))
