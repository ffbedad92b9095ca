from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from zs3.profiling.memory import peak_growth

CPU = torch.device("cpu")


MEGABYTES = 60
MEASURED = f"""
import torch
from zs3.profiling.memory import peak_growth
cpu = torch.device("cpu")
print(peak_growth(lambda: torch.ones({MEGABYTES} * 250_000), cpu), peak_growth(lambda: None, cpu))
"""


def test_the_peak_counts_even_if_it_is_freed():
    # In a process of its own: what this one has freed before would be used again.
    command = [sys.executable, "-c", MEASURED]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if "None" in said:
        pytest.skip("this operating system does not tell a process its peak memory")
    grown, nothing = map(int, said)
    assert 0.95 * MEGABYTES * 1e6 < grown < (MEGABYTES + 20) * 1e6
    assert nothing < 5e6  # not what was held before


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr("zs3.profiling.memory._PROCESS", tmp_path / "nowhere")
    done = []
    assert peak_growth(lambda: done.append(1), CPU) is None
    assert done == [1]
