"""Segments the frames of a video, into label maps and a video of overlays."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any  # JSON

import cv2
import numpy as np
from tqdm import tqdm

from ..evaluation.pictures import legend
from ..files import UNFINISHED
from .ahead import ahead
from .colours import class_colours
from .outputs import Outputs
from .predictor import Request, Segmenter
from .result import Segmentation

Add = Callable[[np.ndarray], None]

_FRAMES_PER_SECOND = 25.0  # of a video that does not say
_CODEC = "mp4v"
_ONE_LINE = 40  # pixels of a legend


def video_paths(name: str, outputs: Outputs) -> dict[str, str]:
    """
    By kind of output what a video has, relative to the output folder: a folder of a file a frame,
    but one video of all overlays.
    """
    frames = {kind: Path(path).parent for kind, path in outputs.paths(f"{name}/0").items()}
    if "overlay" in frames:
        frames["overlay"] = frames["overlay"].with_name(f"{frames['overlay'].name}.mp4")
    return {kind: path.as_posix() for kind, path in frames.items()}


def segment_video(
    segmenter: Segmenter,
    file: Path,
    name: str,
    outputs: Outputs,
    request: Request,
    *,
    batch: int = 1,
    every: int = 1,
) -> dict[str, Any]:
    """
    Writes the outputs of every `every`-th frame; see `segment_files`.

    Returns:
        dict: "size", "frames" (how many were segmented), outputs by kind, and "found", the mean
        share of the pixels by class.

    Raises:
        ValueError: a file that is no readable video.
    """
    paths = video_paths(name, outputs)
    stills = replace(outputs, kinds=[kind for kind in outputs.kinds if kind != "overlay"])
    shares: dict[str, float] = defaultdict(float)
    frames, size = 0, ()

    def write(result: Segmentation) -> np.ndarray | None:
        assert result.file is not None
        stills.write(result, f"{name}/{result.file.stem}")
        return result.overlay() if "overlay" in paths else None

    with _opened(file) as capture:
        rate = (capture.get(cv2.CAP_PROP_FPS) or _FRAMES_PER_SECOND) / every
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // every
        photos = (
            replace(segmenter.read(frame), file=Path(f"{number:06d}.png"))
            for number, frame in _frames(capture, every)
        )
        results = tqdm(
            segmenter.stream(photos, request, batch), file.name, expected or None, leave=False
        )
        video = _video(outputs.folder / paths["overlay"], rate) if "overlay" in paths else None
        with video or nullcontext() as add:
            for result, picture in ahead(write, results):
                overlay = picture.result()
                if add is not None and overlay is not None:
                    add(_on_canvas(overlay, result))
                frames, size = frames + 1, result.size or result.label_map.shape
                for found, share in result.found.items():
                    shares[found] += share
            if not frames:
                raise ValueError(f"{file} cannot be read as a video: it has no readable frame.")
    largest = sorted(shares.items(), key=lambda pair: -pair[1])
    means = {found: share / frames for found, share in largest}
    return {"size": list(size), "frames": frames, **paths, "found": means}


@contextmanager
def _opened(file: Path) -> Iterator[cv2.VideoCapture]:
    if not file.exists():
        raise ValueError(f"{file} does not exist; expected a video.")
    capture = cv2.VideoCapture(str(file))
    try:
        if not capture.isOpened():
            raise ValueError(f"{file} cannot be read as a video: OpenCV knows no such format.")
        yield capture
    finally:
        capture.release()


def _frames(capture: cv2.VideoCapture, every: int) -> Iterator[tuple[int, np.ndarray]]:
    """(number, RGB) of every `every`-th frame."""
    number = 0
    while capture.grab():
        if number % every == 0:
            is_read, frame = capture.retrieve()
            if is_read:
                yield number, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        number += 1


@contextmanager
def _video(path: Path, rate: float) -> Iterator[Add]:
    """Gives what adds an RGB picture. The video is there once all have been added, or never."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=UNFINISHED, dir=path.parent) as scratch:
        file = Path(scratch, path.name)
        writer = cv2.VideoWriter()

        def add(picture: np.ndarray) -> None:
            height, width = picture.shape[:2]
            if not writer.isOpened() and not writer.open(
                str(file), cv2.VideoWriter.fourcc(*_CODEC), rate, (width, height)
            ):
                raise OSError(f"OpenCV cannot write {path} ({width} x {height}, {_CODEC}).")
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

        try:
            yield add
        finally:
            writer.release()
        os.replace(file, path)


def _on_canvas(overlay: np.ndarray, result: Segmentation) -> np.ndarray:
    """All frames need one size: room for the names of all classes, but a third of the picture."""
    scale = overlay.shape[1] // result.image.shape[1]
    height, width = (side * scale for side in result.image.shape[:2])
    colours = class_colours(result.names)
    everything = legend(range(len(result.names)), result.names, colours, width)
    height += min(len(everything), max(height // 3, _ONE_LINE))
    canvas = np.full((height + height % 2, width + width % 2, 3), 255, np.uint8)  # codecs want even
    canvas[: len(overlay), :width] = overlay[: len(canvas)]
    return canvas
