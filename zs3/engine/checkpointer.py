"""
Checkpoints of a run: written so that a kill at any moment loses no earlier one.

`model_0000999.pth` holds everything after iteration 999 (as Detectron2 counts, from 0), and
`last_checkpoint`, which is written last, names the newest.
"""

from __future__ import annotations

import itertools
import logging
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # states are their owners' business

import torch

from ..checkpoints.safe_load import safe_load
from ..checkpoints.weight_file import BEST, FINAL, POINTER
from ..files import remove_unfinished, write_atomically
from ..runtime.utils import comm
from .randomness import random_state
from .steps import Stateful
from .writers import METRICS

logger = logging.getLogger(__name__)

_NAME = re.compile(r"model_(\d{7,})\.pth")


class Checkpointer:
    """
    Args:
        directory: where the checkpoints are; made if need be.
        parts: what they hold, by name.
        keep: complete checkpoints kept before the newest.
    """

    def __init__(self, directory: str | Path, parts: Mapping[str, Stateful], *, keep: int) -> None:
        self.directory = Path(directory)
        self.parts = dict(parts)
        self.keep = keep
        if comm.is_main_process():
            self.directory.mkdir(parents=True, exist_ok=True)
            remove_unfinished(self.directory)

    def save(self, iteration: int, **progress: Any) -> Path:
        """
        To be called by all processes together; the main one writes.

        Args:
            iteration: the last one finished.
            progress: more plain values to find again.
        """
        path = self.directory / f"model_{iteration:07d}.pth"
        random_states = comm.gather(random_state())
        if comm.is_main_process():
            content: dict[str, Any] = {n: part.state_dict() for n, part in self.parts.items()}
            content |= {"random": random_states, "iteration": iteration, **progress}
            write_atomically(path, lambda file: torch.save(content, file))
            write_atomically(self.directory / POINTER, path.name.encode())
            self._prune(iteration)
        return path

    def resume(self) -> dict[str, Any] | None:
        """
        Restores the parts from the newest checkpoint that is whole.

        Returns:
            dict | None: "iteration", the rest of `progress`, and "random", a state of the random
            generators for each process; None where there is no checkpoint.

        Raises:
            ValueError: all checkpoints are damaged, or the newest is of another configuration.
        """
        damaged = []
        for path in self._candidates():
            try:
                content = _read(path)
            except (OSError, ValueError) as error:
                logger.warning("%s; trying the checkpoint before it.", error)
                damaged.append(path.name)
                continue
            logger.info("resuming from %s", path)
            self._restore(content, path)
            return content
        if damaged:
            raise ValueError(f"every checkpoint in {self.directory} is damaged: {damaged}.")
        return None

    def set_earlier_run_aside(self, *beside: str) -> None:
        """
        A run that starts anew loses nothing of another one in its directory: it is moved.

        Args:
            beside: more files or folders that belong to it, by name.
        """
        weights = [*self._paths(), self.directory / FINAL, self.directory / BEST]
        if not any(path.is_file() for path in weights):
            return
        records = [self.directory / name for name in (POINTER, METRICS, *beside)]
        records += self.directory.glob("events.out.tfevents.*")
        earlier = [path for path in weights + records if path.exists()]
        number = next(
            n for n in itertools.count(1) if not (self.directory / f"earlier_{n}").exists()
        )
        aside = self.directory / f"earlier_{number}"
        aside.mkdir()
        for path in earlier:
            path.rename(aside / path.name)
        logger.warning("moved the %d files of an earlier run to %s.", len(earlier), aside)

    def _restore(self, content: dict[str, Any], path: Path) -> None:
        missing = sorted(set(self.parts) - set(content))
        if missing:
            raise ValueError(f"{path} holds no {missing}: it is from another configuration.")
        for name, part in self.parts.items():
            part.load_state_dict(content.pop(name))

    def _candidates(self) -> list[Path]:
        """The one the pointer names, then those before it; without a pointer all, newest first."""
        paths = self._paths()
        pointer = self.directory / POINTER
        if pointer.is_file():
            named = self.directory / pointer.read_text().strip()
            return [named, *(path for path in paths if path.name < named.name)]
        return paths

    def _paths(self) -> list[Path]:
        """Complete checkpoints, newest first."""
        paths = (path for path in self.directory.glob("model_*.pth") if _NAME.fullmatch(path.name))
        return sorted(paths, reverse=True)

    def _prune(self, iteration: int) -> None:
        newest = f"model_{iteration:07d}.pth"
        for path in [path for path in self._paths() if path.name <= newest][self.keep + 1 :]:
            path.unlink()


def _read(path: Path) -> dict[str, Any]:
    """Raises ValueError where a byte is missing or wrong (torch does not look at checksums)."""
    content = safe_load(path)
    with zipfile.ZipFile(path) as archive:
        wrong = archive.testzip()
    if wrong is not None:
        raise ValueError(f"{path} is damaged in {wrong}")
    return content
