from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zs3.profiling import measure
from zs3.profiling.bench import Bench
from zs3.profiling.workload import Workload

CONFIGS = Path(__file__).parents[2] / "configs"


def make_workload(config: str = "shapes/zegformer", *options: str, **kwargs) -> Workload:
    defaults = {"options": ("MODEL.DEVICE", "cpu", *options), "size": (64, 96)}
    return Workload(str(CONFIGS / f"{config}.yaml"), **{**defaults, **kwargs})


@pytest.fixture
def workload() -> Callable[..., Workload]:
    """Workloads on the CPU: a configuration, KEY VALUE pairs, and what differs."""
    return make_workload


@pytest.fixture(scope="session")
def shapes_bench() -> Bench:
    """ZegFormer of Shapes, predicting one image of 64 x 96 pixels."""
    return Bench(make_workload())


@pytest.fixture
def scripted(monkeypatch) -> None:
    """Measurements by scripted_worker.py."""
    monkeypatch.setattr(measure, "_BOOT", Path(__file__).with_name("scripted_worker.py"))
