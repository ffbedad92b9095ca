"""kill -9 at any moment, and --resume goes on to the same bytes. ZS3_KILLS=20 kills more often."""

from __future__ import annotations

import os
from pathlib import Path

from forks import needs_fork, run_script


@needs_fork
def test_killed_runs_resume_to_the_same_bytes(tmp_path: Path) -> None:
    kills = os.environ.get("ZS3_KILLS", "4")
    run_script(Path(__file__).with_name("kill_runs.py"), tmp_path, kills, "0")
