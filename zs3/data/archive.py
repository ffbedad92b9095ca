"""
Files in folders and in zip archives, under one kind of path: "export.zip/masks/a.png" is the file
masks/a.png of the archive export.zip, which is never unpacked.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from ..files import everything_below


def open_file(path: str | Path) -> BinaryIO:
    """
    Opens a file for reading.

    Raises:
        OSError: as `open`.
        ValueError: the archive is damaged or encrypted.
    """
    archive, member = _located(path)
    if archive is None:
        return open(path, "rb")
    try:
        return io.BytesIO(_opened(archive).read(member))
    except KeyError:
        raise FileNotFoundError(f"{path} does not exist: {archive} has no {member!r}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be taken out of its archive: {error}") from error


def read_lines(path: str | Path) -> list[str]:
    """The lines of a text file; what is no UTF-8 is replaced. Raises as `open_file`."""
    with open_file(path) as file:
        return file.read().decode("utf-8-sig", errors="replace").splitlines()


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; an archive itself counts as a folder."""
    archive, member = _located(path)
    if archive is None:
        return Path(path).is_file()
    return member in _opened(archive).NameToInfo


def is_folder(path: str | Path) -> bool:
    """Whether there is such a folder; an archive is one."""
    archive, member = _located(path)
    if archive is None:
        return Path(path).is_dir()
    return any(name.startswith(_inside(member)) for name in _opened(archive).namelist())


def files_below(folder: str | Path) -> list[Path]:
    """
    All files in a folder and the folders inside it, linked ones too, sorted; hidden ones are left
    out.
    """
    archive, member = _located(folder)
    if archive is None:
        found = [path for path, is_inner in everything_below(folder) if not is_inner]
    else:
        names = _opened(archive).namelist()
        found = [archive / n for n in names if n.startswith(_inside(member)) and n[-1] != "/"]
    return sorted(path for path in found if not path.name.startswith("."))


def modified(path: str | Path) -> int:
    """When the file, or the archive it lies in, was changed last (ns): a key for caches."""
    return (_located(path)[0] or Path(path)).stat().st_mtime_ns


def _located(path: str | Path) -> tuple[Path | None, str]:
    """(archive, path in it), or (None, "") where no part of the path is an archive."""
    path = Path(path)
    for parent in (path, *path.parents):
        if parent.suffix.lower() == ".zip" and parent.is_file():
            inner = path.relative_to(parent).as_posix()
            return parent, "" if inner == "." else inner
    return None, ""


def _inside(member: str) -> str:
    return f"{member}/" if member else ""


def _opened(archive: Path) -> zipfile.ZipFile:
    # A handle has one position, which processes forked from this one would share: one handle each.
    return _opened_by(archive, modified(archive), os.getpid())


@lru_cache(maxsize=8)
def _opened_by(archive: Path, changed: int, process: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive} is no readable zip archive: {error}") from error
