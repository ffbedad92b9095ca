"""Eigenvectors of many images, in parallel; what is there already is not made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch

from ..config import get_config
from ..data.preparation import in_parallel
from ..data.reading import read_image
from ..files import remove_unfinished, write_atomically
from ..runtime.config import CfgNode
from .segmenter import CLIP, EigenSegmenter, build_segmenter
from .store import write_masks, write_vectors

LAYOUTS = ("published", "compact")
MADE_WITH = "spectral.json"
# Of MODEL.SPECTRAL, what does not change a mask: the fusion, and where things are.
_NO_MATTER = ("FEATURE", "WEIGHTS", "FUSION", "STRENGTH", "CACHE")


@dataclass(frozen=True)
class Made:
    """
    Attributes:
        done: images whose masks were made now.
        failed: the others that had none, and why.
    """

    done: int
    failed: Mapping[Path, str]


def make_masks(
    files: Sequence[Path],
    output: Path,
    options: Sequence[str] = (),
    *,
    layout: str = "published",
    jobs: int = 1,
    force: bool = False,
) -> Made:
    """
    Args:
        files: images, of different names.
        output: folder to write to.
        options: KEY VALUE pairs of the configuration, of which MODEL.SPECTRAL and MODEL.CLIP count.
        layout: "published", NAME_k0.png, ...; or "compact", NAME.npz.
        jobs: processes.
        force: make again what is there already.

    Returns:
        Made: an image that cannot be read, or is too small, does not stop the others.

    Raises:
        ValueError: two images of one name, options that describe no source, or a folder with what
            was made with other options.
    """
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"several images are called {twice!r}; give one folder at a time.")
    _segmenter(tuple(options))  # what cannot be built is said before any process is started
    output.mkdir(parents=True, exist_ok=True)
    remove_unfinished(output)
    cfg = get_config(None, list(options))
    _remember(output, cfg, force)
    count = cfg.MODEL.SPECTRAL.COUNT
    last = f"_k{count - 1}.png" if layout == "published" else ".npz"
    missing = [file for file in files if force or not (output / f"{file.stem}{last}").is_file()]
    work = partial(_make, tuple(options), output, layout)
    reasons = list(in_parallel(work, missing, jobs, "eigenvectors"))
    failed = {file: reason for file, reason in zip(missing, reasons, strict=True) if reason}
    return Made(len(missing) - len(failed), failed)


def _make(options: tuple[str, ...], output: Path, layout: str, file: Path) -> str:
    """The reason why there are no masks of an image, "" if there are."""
    torch.set_num_threads(1)  # processes are what runs side by side
    segmenter = _segmenter(options)
    try:
        image = read_image(file)
        if layout == "published":
            write_masks(output, file.stem, segmenter.masks(image, image.shape[:2]))
        else:
            vectors = segmenter(torch.tensor(image).permute(2, 0, 1))
            covered = segmenter.covered((image.shape[0], image.shape[1]))
            write_vectors(output / f"{file.stem}.npz", vectors.numpy(), covered)
    except ValueError as error:
        return str(error) if str(file) in str(error) else f"{file}: {error}"
    return ""


def _remember(output: Path, cfg: CfgNode, force: bool) -> None:
    """Writes down how masks are made, or compares with how those that are there were."""
    how = {key: value for key, value in cfg.MODEL.SPECTRAL.items() if key not in _NO_MATTER}
    if cfg.MODEL.SPECTRAL.FEATURES == CLIP:
        how["CLIP"] = cfg.MODEL.CLIP.NAME
    path = output / MADE_WITH
    if path.is_file() and not force:
        before = json.loads(path.read_text(encoding="utf-8"))
        keys = [key for key in {**before, **how} if before.get(key) != how.get(key)]
        if keys:
            then, now = (", ".join(f"{k} {d.get(k)}" for k in keys) for d in (before, how))
            raise ValueError(
                f"{output} holds what was made with {then}, not {now}; name another folder, or "
                "make all again (--force)."
            )
    write_atomically(path, json.dumps(how, indent=2).encode(), wait=False)


@cache
def _segmenter(options: tuple[str, ...]) -> EigenSegmenter:
    """One a process."""
    return build_segmenter(get_config(None, list(options))).eval()
