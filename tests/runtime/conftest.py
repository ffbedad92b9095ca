"""
Every test that asks for `runtime` runs on each implementation that can be imported here.

`runtime.config`, `runtime.comm` and so on are the modules of zs3.runtime, imported anew with that
implementation behind them, whichever one the rest of the test session uses.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest

PACKAGE = "zs3.runtime"
WITH_IT = (PACKAGE, "zs3.environment")  # which says what runtime there is
MODULES = ["config", "data", "engine", "evaluation", "launch", "layers", "modeling", "setup"]
MODULES += ["structures", "utils.comm", "utils.events", "utils.logger"]


@contextmanager
def no_runtime_imported() -> Iterator[None]:
    """Forgets zs3.runtime, and takes back what was known of it at the end."""
    known = {name: module for name, module in sys.modules.items() if name.startswith(WITH_IT)}
    for name in known:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(WITH_IT)]:
            del sys.modules[name]
        sys.modules.update(known)
        if PACKAGE in known:
            sys.modules["zs3"].runtime = known[PACKAGE]


@functools.cache
def modules_on(implementation: str) -> dict[str, ModuleType]:
    importlib.import_module("zs3")
    with (
        no_runtime_imported(),
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # what Detectron2 warns of while it is imported is its own
        patch.setitem(os.environ, "ZS3_RUNTIME", implementation)
        for name in MODULES:
            importlib.import_module(f"{PACKAGE}.{name}")
        return {name: module for name, module in sys.modules.items() if name.startswith(WITH_IT)}


@pytest.fixture(params=["embedded", "detectron2"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    if request.param == "detectron2" and find_spec("detectron2") is None:
        pytest.skip("Detectron2 is not installed; docs/runtime.md says how to")
    modules = modules_on(request.param)
    monkeypatch.setenv("ZS3_RUNTIME", request.param)  # for processes that a test starts
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return SimpleNamespace(
        name=request.param,
        **{name.rpartition(".")[2]: modules[f"{PACKAGE}.{name}"] for name in MODULES},
    )
