from __future__ import annotations

from pathlib import Path

from forks import needs_fork, run_script


@needs_fork
def test_two_processes_train_as_one_and_resume_to_the_same_bytes(tmp_path: Path) -> None:
    run_script(Path(__file__).with_name("two_ranks.py"), tmp_path)
