"""The files that are written of a segmented image."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..files import UNFINISHED, remove_unfinished
from .coco import save_coco
from .result import Segmentation

Write = Callable[[Segmentation, Path], None]

# kind -> (folder, extension, what writes it)
KINDS: dict[str, tuple[str, str, Write]] = {
    "labels": ("labels", ".png", Segmentation.save),
    "overlay": ("overlays", ".png", Segmentation.save_overlay),
    "scores": ("scores", ".npz", Segmentation.save_scores),
    "coco": ("coco", ".json", save_coco),
}


@dataclass(frozen=True)
class Outputs:
    """
    Args:
        folder: below it every kind of output has a folder of its own.
        kinds: of KINDS.
    """

    folder: Path
    kinds: Collection[str] = ("labels", "overlay")

    def paths(self, name: str) -> dict[str, str]:
        """The files of one image, relative to `folder`, by their kind."""
        return {kind: f"{KINDS[kind][0]}/{name}{KINDS[kind][1]}" for kind in self.kinds}

    def write(self, result: Segmentation, name: str) -> None:
        """Writes them, each completely or not at all."""
        for kind, path in self.paths(name).items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            KINDS[kind][2](result, file)

    def folders(self, kinds: Collection[str] = tuple(KINDS)) -> list[Path]:
        """Where some kinds are, by default all there are."""
        return [self.folder / KINDS[kind][0] for kind in kinds]

    def files(self) -> set[Path]:
        """All there are, of every kind and run; hidden ones are no results."""
        return {
            path
            for folder in self.folders()
            for path in folder.rglob("*")
            if not path.is_dir()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        }

    def files_at(self, paths: Iterable[str]) -> set[Path]:
        """Those at some paths relative to `folder`; of a video a path is a folder of frames."""
        found: set[Path] = set()
        for path in (self.folder / path for path in paths):
            frames = path.iterdir() if path.is_dir() else [path]
            found |= {file for file in frames if file == path or file.stem.isdecimal()}
        return found

    def remove(self, files: Iterable[Path]) -> None:
        """Deletes files, and the folders that this empties."""
        emptied: set[Path] = set()
        for file in files:
            file.unlink(missing_ok=True)
            emptied |= {parent for parent in file.parents if self.folder in parent.parents}
        for folder in sorted(emptied, reverse=True):  # inner ones first
            with suppress(OSError):
                folder.rmdir()

    def remove_unfinished(self) -> None:
        """Deletes what a killed run left half written."""
        for folder in self.folders():
            for path in list(folder.rglob(f".*{UNFINISHED}")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        remove_unfinished(self.folder)
