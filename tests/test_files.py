from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from zs3.files import remove_unfinished, write_atomically


def test_a_file_is_replaced_only_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    write_atomically(path, write)

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"ne")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, write)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    names: list[str] = []
    write_atomically(tmp_path / "done", lambda file: names.append(file.name))
    Path(names[0]).write_bytes(b"half")
    (tmp_path / ".hidden").touch()

    remove_unfinished(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "done"]
