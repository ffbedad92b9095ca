from __future__ import annotations

import importlib.util
import json
import logging
from pathlib import Path

import pytest

from zs3.engine.writers import open_writers, truncate_metrics
from zs3.runtime.utils.events import EventStorage


def test_only_complete_lines_of_earlier_iterations_stay(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    lines = [json.dumps({"iteration": i, "loss": 0.5}) for i in (1, 3, 5)]
    path.write_text("\n".join([lines[0], "\0\0", *lines[1:]]) + "\n" + '{"iteration": 2, "lo')

    truncate_metrics(path, 4)

    assert path.read_text().splitlines() == lines[:2]
    truncate_metrics(tmp_path / "none.json", 4)
    assert not (tmp_path / "none.json").exists()


def test_console_lines_tell_the_time_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writers = open_writers(tmp_path, 0, max_iter=100)
    with EventStorage(0) as storage, caplog.at_level(logging.INFO):
        for storage.iter in range(4):
            storage.put_scalars(total_loss=0.5, time=2.0, data_time=0.25)
            storage.put_scalar("lr", 0.1, smoothing_hint=False)
        for writer in writers:
            writer.write()
            writer.close()

    assert "eta: 0:03:12  iter: 3  total_loss: 0.5" in caplog.text
    assert json.loads((tmp_path / "metrics.json").read_text())["total_loss"] == 0.5
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_a_missing_tensorboard_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with caplog.at_level(logging.WARNING):
        writers = open_writers(tmp_path, 0, max_iter=100)

    assert caplog.text.count("tensorboard is missing") == 1
    assert len(writers) == 2
    for writer in writers:
        writer.close()
