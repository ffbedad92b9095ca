"""The other side of a comparison: another configuration, or another revision of zs3."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from .measure import ROOT, Subject


@contextmanager
def opponent(subject: Subject, against: str) -> Iterator[Subject]:
    """
    Args:
        subject: what is compared.
        against: a configuration file to do the same with; or a git revision, whose zs3 does the
            same with its own version of the configuration. It lies in a temporary folder.

    Raises:
        ValueError: neither of them.
    """
    if Path(against).is_file():
        yield replace(
            subject,
            workload=replace(subject.workload, config_file=against),
            name=against,
        )
        return
    with TemporaryDirectory(prefix="zs3-") as folder:
        tree = Path(folder)
        _unpack(against, tree)
        config = Path(subject.workload.config_file).resolve()
        if config.is_relative_to(ROOT):
            config = tree / config.relative_to(ROOT)
        workload = replace(subject.workload, config_file=str(config))
        yield Subject(workload, against, tree)


def _unpack(revision: str, tree: Path) -> None:
    archive = tree / "revision.zip"
    git = ["git", "-C", str(ROOT), "archive", "--format=zip", f"--output={archive}", revision]
    try:
        subprocess.run([*git, "zs3", "configs"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        raise ValueError(
            f"{revision!r} is neither a configuration file nor a git revision ({reason})."
        ) from error
    shutil.unpack_archive(archive, tree)
