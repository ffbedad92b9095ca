from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from zs3.files import (
    everything_below,
    new_directory,
    ready_to_write,
    remove_unfinished,
    write_atomically,
)


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


@pytest.mark.parametrize("exists", [False, True])
def test_a_directory_is_there_once_it_is_complete(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "models" / "mine"
    if exists:
        path.mkdir(parents=True)

    with new_directory(path) as directory:
        (directory / "a").write_bytes(b"1")
        assert not (path / "a").exists()

    assert [file.name for file in path.iterdir()] == ["a"]
    assert list(path.parent.iterdir()) == [path]


def test_a_directory_that_fails_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        new_directory(tmp_path / "mine") as directory,
    ):
        (directory / "a").write_bytes(b"1")
        raise OSError("No space left on device")

    assert list(tmp_path.iterdir()) == []


def test_files_of_other_names_survive(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.mkdir()
    (path / "a").write_bytes(b"old")
    (path / "notes").write_bytes(b"kept")

    with pytest.raises(FileExistsError, match="mine holds a and 1 others"), new_directory(path):
        pass
    with new_directory(path, may_hold_files=True) as directory:
        (directory / "a").write_bytes(b"new")

    assert {file.name: file.read_bytes() for file in path.iterdir()} == {
        "a": b"new",
        "notes": b"kept",
    }
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fails", [False, True])
def test_a_directory_takes_the_place_of_one_that_may_go(tmp_path: Path, fails: bool) -> None:
    path = tmp_path / "mine"
    (path / "deep").mkdir(parents=True)
    (path / "deep/old").touch()

    with suppress(OSError), new_directory(path, may_go=True) as directory:
        (directory / "new").touch()
        if fails:
            raise OSError("No space left on device")

    assert [file.name for file in path.iterdir()] == ["deep" if fails else "new"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match="mine is a file"), new_directory(tmp_path / "mine"):
        pass


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.jpg").touch()
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/itself").symlink_to("itself")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path)

    found = {
        path.relative_to(tmp_path / "in").as_posix(): is_folder
        for path, is_folder in everything_below(tmp_path / "in")
    }

    assert found == {
        "deep": True,
        "deep/up": True,
        "itself": False,
        "link": True,
        "link/a.jpg": False,
        "link/back": True,
        "link/back/in": True,
        "link/back/elsewhere": True,
    }
    assert list(everything_below(tmp_path / "missing")) == []


def test_folders_of_results_are_made_before_the_work(tmp_path: Path) -> None:
    ready_to_write(tmp_path / "a/b/scores.json", None, tmp_path / "c/table.md")
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["a", "b", "c"]


def test_results_that_have_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").write_text("kept")
    with pytest.raises(IsADirectoryError, match="is a directory; expected a file"):
        ready_to_write(tmp_path)
    for below in ("scores.json", "a/scores.json"):
        with pytest.raises(
            NotADirectoryError, match=r"scores\.json cannot.*notes\S* is no directory"
        ):
            ready_to_write(tmp_path / "notes" / below)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="is read-only"):
        ready_to_write(tmp_path / "scores.json")
    assert (tmp_path / "notes").read_text() == "kept"
