"""Files that are there completely or not at all, whenever the process is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_UNFINISHED = ".unfinished"


def write_atomically(path: str | Path, write: bytes | Callable[[BinaryIO], object]) -> None:
    """
    Writes next to the file, and renames once every byte is on the disk.

    Args:
        write: the content, or what puts it into a file opened for it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")
    try:
        with temporary.open("wb") as file:
            file.write(write) if isinstance(write, bytes) else write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def remove_unfinished(directory: Path) -> None:
    """Deletes what a killed process left half written."""
    for path in directory.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """The rename itself is on the disk, too. (Only POSIX lets directories be opened.)"""
    if os.name == "posix":
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
