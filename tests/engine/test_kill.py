"""kill -9 at any moment, and --resume goes on to the same bytes. ZS3_KILLS=20 kills more often."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forks")
def test_killed_runs_resume_to_the_same_bytes(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kill_runs.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    kills = environment.get("ZS3_KILLS", "4")

    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), kills, "0"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-2000:]
