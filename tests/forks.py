"""Scripts of forks: how tests run them, and what they share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forks")


def run_script(script: Path, *arguments: str | Path) -> None:
    """In a process that imports what this one can; what it fails with is this one's failure."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def in_two(work: Callable[[int], object], meeting: Path) -> None:
    """
    Work in two forks of this process.

    Args:
        work: of a rank, 0 or 1.
        meeting: a file through which they meet; a new one every time.
    """
    import torch
    import torch.distributed as dist

    children = []
    for rank in range(2):
        if not (child := os.fork()):
            torch.set_num_threads(1)
            dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=2)
            work(rank)
            dist.destroy_process_group()
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
