"""Scalars by name and iteration, and their writers."""

from __future__ import annotations

import json
import logging

import pytest


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_scalars_are_kept_with_their_iteration(runtime):
    with runtime.events.EventStorage(7) as storage:
        storage.put_scalar("loss", 3)
        storage.step()
        storage.put_scalars(loss=1, lr=0.5)
        storage.put_scalar("late", 2.0, cur_iter=5)
    assert storage.iter == 8
    assert storage.latest() == {"loss": (1.0, 8), "lr": (0.5, 8), "late": (2.0, 5)}
    assert storage.history("loss").values() == [(3.0, 7), (1.0, 8)]
    assert set(storage.histories()) == {"loss", "lr", "late"}
    with pytest.raises(KeyError, match="nothing"):
        storage.history("nothing")


def test_the_innermost_storage_is_the_current_one(runtime):
    with runtime.events.EventStorage() as outer:
        with runtime.events.EventStorage() as inner:
            assert runtime.events.get_event_storage() is inner
        assert runtime.events.get_event_storage() is outer
    with pytest.raises(AssertionError, match="has to be called inside"):
        runtime.events.get_event_storage()


def test_names_can_be_put_in_a_scope(runtime):
    with runtime.events.EventStorage() as storage:
        with storage.name_scope("voc"):
            storage.put_scalar("mIoU", 1)
        storage.put_scalar("mIoU", 2)
    assert {name: value for name, (value, _) in storage.latest().items()} == {
        "voc/mIoU": 1,
        "mIoU": 2,
    }


def test_smoothing_is_a_median_over_iterations(runtime):
    with runtime.events.EventStorage() as storage:
        for value in (9, 1, 5, 3):
            storage.put_scalar("noisy", value)
            storage.put_scalar("exact", value, smoothing_hint=False)
            storage.step()
    smoothed = storage.latest_with_smoothing_hint(3)
    assert smoothed == {"noisy": (3, 3), "exact": (3, 3)}
    assert storage.latest_with_smoothing_hint(2)["noisy"] == (4, 3)
    assert storage.count_samples("noisy", 3) == 3
    with pytest.raises(AssertionError, match="different smoothing_hint"):
        storage.put_scalar("noisy", 0, smoothing_hint=False)


def test_json_lines_hold_what_is_new(runtime, tmp_path):
    path = tmp_path / "metrics.json"
    writer = runtime.events.JSONWriter(str(path))
    with runtime.events.EventStorage() as storage:
        storage.put_scalar("loss", 2)
        writer.write()
        writer.write()
        storage.step()
        storage.put_scalar("loss", 4)
        storage.put_scalar("lr", 0.5, smoothing_hint=False)
        writer.write()
    writer.close()
    assert lines(path) == [
        {"iteration": 0, "loss": 2.0},
        {"iteration": 1, "loss": 3.0, "lr": 0.5},
    ]


def test_json_lines_are_appended(runtime, tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text('{"iteration": 0}\n')
    writer = runtime.events.JSONWriter(str(path))
    with runtime.events.EventStorage(1) as storage:
        storage.put_scalar("loss", 2)
        writer.write()
    writer.close()
    assert lines(path) == [{"iteration": 0}, {"iteration": 1, "loss": 2.0}]


def test_tensorboard_gets_scalars(runtime, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = runtime.events.TensorboardXWriter(str(tmp_path))
    with runtime.events.EventStorage(3) as storage:
        storage.put_scalar("loss", 2)
        writer.write()
    writer.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(3, 2.0)]


def test_a_tensorboard_writer_that_never_wrote_can_be_closed(runtime, tmp_path):
    runtime.events.TensorboardXWriter(str(tmp_path / "never")).close()
    assert not (tmp_path / "never").exists()


@pytest.fixture
def printed(runtime, caplog, monkeypatch):
    """What a CommonMetricPrinter logs."""
    for name in (
        "zs3",
        "detectron2",
    ):  # may have been told not to propagate to where caplog listens
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    caplog.set_level(logging.INFO)
    return caplog


def test_the_console_line_tells_progress_losses_and_time_left(runtime, printed):
    with runtime.events.EventStorage(9) as storage:
        storage.put_scalars(total_loss=1.5, loss_mask=0.25, time=2.0, data_time=0.5)
        storage.put_scalar("lr", 1e-4, smoothing_hint=False)
        runtime.events.CommonMetricPrinter(max_iter=100).write()
    (line,) = printed.messages
    for words in ("eta: 0:03:00", "iter: 9", "total_loss: 1.5", "loss_mask: 0.25", "lr: 0.0001"):
        assert words in line
    assert "time: 2.0000" in line
    assert "data_time: 0.5000" in line


def test_the_console_is_silent_once_training_is_over(runtime, printed):
    with runtime.events.EventStorage(100):
        runtime.events.CommonMetricPrinter(max_iter=100).write()
    assert printed.messages == []
