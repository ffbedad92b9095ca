from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from zs3.engine.checkpointer import Checkpointer


class Part:
    """Remembers one tensor, of many bytes."""

    def __init__(self, value: float) -> None:
        self.value = value

    def state_dict(self) -> dict[str, Any]:
        return {"value": torch.full((1000,), self.value)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.value = state_dict["value"].unique().item()


def saved(directory: Path, *iterations: int, keep: int = 2) -> Checkpointer:
    """Checkpoints whose part has the iteration for its value."""
    part = Part(0.0)
    checkpointer = Checkpointer(directory, {"part": part}, keep=keep)
    for iteration in iterations:
        part.value = float(iteration)
        checkpointer.save(iteration, samples=10 * iteration)
    return checkpointer


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.pth"))


def resumed(directory: Path) -> float | None:
    part = Part(-1.0)
    progress = Checkpointer(directory, {"part": part}, keep=2).resume()
    return None if progress is None else part.value


def test_the_newest_is_resumed_with_its_progress(tmp_path: Path) -> None:
    progress = saved(tmp_path / "run", 3, 7).resume()

    assert (progress["iteration"], progress["samples"], len(progress["random"])) == (7, 70, 1)
    assert resumed(tmp_path / "run") == 7.0
    assert (tmp_path / "run" / "last_checkpoint").read_text() == "model_0000007.pth"


def test_nothing_to_resume(tmp_path: Path) -> None:
    assert resumed(tmp_path) is None


def test_the_newest_and_so_many_before_it_are_kept(tmp_path: Path) -> None:
    saved(tmp_path / "two", 1, 2, 3, 4, keep=2)
    saved(tmp_path / "none", 1, 2, 3, 4, keep=0)

    assert names(tmp_path / "two") == [f"model_000000{n}.pth" for n in (2, 3, 4)]
    assert names(tmp_path / "none") == ["model_0000004.pth"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_one_is_passed_over_with_a_warning(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path, 1, 2, 3)
    path = tmp_path / "model_0000003.pth"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flipped" else content[:-100])

    with caplog.at_level(logging.WARNING):
        assert resumed(tmp_path) == 2.0

    assert "model_0000003.pth is" in caplog.text
    assert "trying the checkpoint before it" in caplog.text


def test_all_damaged_is_an_error_and_not_a_new_start(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    for path in tmp_path.glob("*.pth"):
        path.write_bytes(b"")

    with pytest.raises(ValueError, match=r"every checkpoint in .* is damaged"):
        resumed(tmp_path)


def test_a_kill_between_file_and_pointer_loses_neither(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    (tmp_path / "last_checkpoint").write_text("model_0000001.pth")
    assert resumed(tmp_path) == 1.0

    (tmp_path / "last_checkpoint").unlink()
    assert resumed(tmp_path) == 2.0


def test_half_written_files_are_cleaned_up(tmp_path: Path) -> None:
    (tmp_path / ".model_0000003.pth.77.unfinished").write_bytes(b"half")

    assert resumed(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    checkpointer = Checkpointer(tmp_path, {"part": Part(0.0), "ema": Part(0.0)}, keep=2)

    with pytest.raises(ValueError, match=r"holds no \['ema'\]: it is from another configuration"):
        checkpointer.resume()


def test_a_run_that_starts_anew_keeps_the_one_before(tmp_path: Path) -> None:
    for number in (1, 2):
        checkpointer = saved(tmp_path, 5)
        (tmp_path / "metrics.json").touch()
        (tmp_path / "config.yaml").touch()

        checkpointer.set_earlier_run_aside()

        aside = sorted(path.name for path in (tmp_path / f"earlier_{number}").iterdir())
        assert aside == ["last_checkpoint", "metrics.json", "model_0000005.pth"]
        assert resumed(tmp_path) is None

    checkpointer.set_earlier_run_aside()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.yaml",
        "earlier_1",
        "earlier_2",
    ]
