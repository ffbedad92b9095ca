"""A run killed at any moment leaves whole files and can be resumed; two processes do one's work."""

from __future__ import annotations

from pathlib import Path

from forks import needs_fork, run_script


@needs_fork
def test_killed_runs_and_two_processes_give_what_one_run_gives(tmp_path: Path) -> None:
    run_script(Path(__file__).with_name("segment_forks.py"), tmp_path)
