import os

import pytest

from zs3.evaluation.atomic import atomic_write


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "file.json"
    atomic_write(path, b"a long first content")
    atomic_write(path, b"second")
    assert path.read_bytes() == b"second"
    assert [file.name for file in tmp_path.iterdir()] == ["file.json"]


def test_a_failure_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    atomic_write(path, b"old")

    def fail(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.json"]
