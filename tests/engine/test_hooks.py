from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import miniature
import pytest

from zs3.engine.hooks import flat


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nested_results_become_names_and_numbers() -> None:
    results = {"shapes": {"sem_seg": {"hIoU": 0.5, "K": 3, "classes": ["a"]}}, "note": "x"}

    assert dict(flat(results)) == {"shapes/sem_seg/hIoU": 0.5, "shapes/sem_seg/K": 3.0}


def test_evaluations_come_after_every_period_and_after_the_last_iteration(tmp_path: Path) -> None:
    iterations: list[int] = []
    cfg = miniature.config(tmp_path, "TEST.EVAL_PERIOD", 5)

    def evaluate() -> dict[str, float]:
        iterations.append(trainer.iter)
        return {"hIoU": 0.5}

    trainer = miniature.trainer(cfg, evaluate=evaluate)
    trainer.train()

    assert iterations == [4, 9, 11]


def test_no_period_is_no_evaluation(tmp_path: Path) -> None:
    def evaluate() -> dict[str, float]:
        raise AssertionError("nobody asked")

    miniature.trainer(miniature.config(tmp_path, "TEST.EVAL_PERIOD", 0), evaluate=evaluate).train()


def test_a_terminal_has_a_bar_and_a_file_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("zs3")
    terminal = Terminal()
    console = logging.StreamHandler(terminal)
    monkeypatch.setattr(logger, "handlers", [console])
    for stream in (terminal, io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        miniature.trainer(miniature.config(tmp_path, "SOLVER.LOG_PERIOD", 12)).train()
        assert ("12/12" in stream.getvalue()) == stream.isatty()
        assert logger.handlers == [console]
