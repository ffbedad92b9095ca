"""
Files and directories that are there completely or not at all, whenever the process is killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# How the names of files end that are being written.
UNFINISHED = ".unfinished"


def write_atomically(
    path: str | Path, write: bytes | Callable[[BinaryIO], object], *, wait: bool = True
) -> None:
    """
    Writes next to the file, and renames once every byte is on the disk.

    Args:
        write: the content, or what puts it into a file opened for it.
        wait: for the disk. False survives a killed process all the same, but not a power cut: for
            many small files that can be made again.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with temporary.open("wb") as file:
            file.write(write) if isinstance(write, bytes) else write(file)
            if wait:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if wait:
        _sync_directory(path.parent)


def ready_to_write(*files: str | Path | None) -> None:
    """
    For the start of long work: makes the folders that its files will go to, or refuses at once.

    Args:
        files: None for one that nobody has asked for.

    Raises:
        OSError: a directory or a file in the way, or a folder that may not be written to.
    """
    for path in (Path(file) for file in files if file):
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a directory; expected a file to write.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise NotADirectoryError(
                f"{path} cannot be written: {error.filename} is no directory."
            ) from error
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(f"{path} cannot be written: {path.parent} is read-only.")


@contextmanager
def new_directory(
    path: str | Path, *, may_hold_files: bool = False, may_go: bool = False
) -> Iterator[Path]:
    """
    A directory to be filled in a `with` block. It is called `path` once the block is through, and
    gone if it fails.

    Args:
        may_hold_files: if there is such a directory already, its files of the same names are
            replaced and the others are left alone.
        may_go: if there is such a directory already, the new one takes its place.

    Raises:
        FileExistsError: there is such a file; or such a directory, and it is not empty.
    """
    path = Path(path).absolute()
    if path.is_file():
        raise FileExistsError(f"{path} is a file; expected a directory to write.")
    held = sorted(path.iterdir()) if path.is_dir() else []
    if held and not (may_hold_files or may_go):
        raise FileExistsError(
            f"{path} holds {held[0].name} and {len(held) - 1} others; choose another directory, or "
            "--force to replace what has the same name."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    temporary.mkdir()
    try:
        yield temporary
        if held and may_go:
            old = temporary.with_name(f".{path.name}.{os.getpid()}.old{UNFINISHED}")
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old)
        elif held:
            for file in sorted(temporary.iterdir()):
                os.replace(file, path / file.name)
        else:
            if path.is_dir():
                path.rmdir()
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _sync_directory(path.parent)


def everything_below(folder: str | Path) -> Iterator[tuple[Path, bool]]:
    """
    What is in a folder and in those inside it, and whether that is a folder itself. Links to
    folders are followed, but not back into a folder that they lie in. What may not be read counts
    as empty.
    """
    yield from _below(Path(folder), frozenset())


def _below(folder: Path, above: frozenset[str]) -> Iterator[tuple[Path, bool]]:
    """`above`: the folders on the way there, without links."""
    real = os.path.realpath(folder)
    if real in above:
        return
    entries: list[os.DirEntry[str]] = []
    with suppress(OSError), os.scandir(folder) as found:
        entries.extend(found)
    for entry in entries:
        is_folder = False
        with suppress(OSError):  # a link to itself
            is_folder = entry.is_dir()
        yield folder / entry.name, is_folder
        if is_folder:
            yield from _below(folder / entry.name, above | {real})


def remove_unfinished(directory: Path) -> None:
    """Deletes what a killed process left half written."""
    for path in directory.glob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """The rename itself is on the disk, too. (Only POSIX lets directories be opened.)"""
    if os.name == "posix":
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
