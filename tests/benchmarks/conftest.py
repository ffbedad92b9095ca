from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """A script of benchmarks/, imported; its folder is where it finds its neighbours."""
    if str(ROOT / "benchmarks") not in sys.path:
        sys.path.append(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location(
        f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def speed() -> ModuleType:
    return script("speed")


@pytest.fixture(scope="session")
def evaluator() -> ModuleType:
    return script("evaluator")


@pytest.fixture(scope="session")
def shapes() -> ModuleType:
    return script("shapes")


@pytest.fixture(scope="session")
def prior() -> ModuleType:
    return script("prior")


@pytest.fixture(scope="session")
def aggregation() -> ModuleType:
    return script("cost_aggregation")
