"""
Runs in several processes, and runs that are killed: `python segment_forks.py DIRECTORY`, run by
test_segment_forks.py.

Every run is a fork of this process, so that torch is imported once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import forks
from PIL import Image
from thresholder import NAMES, Thresholder, save

from zs3.inference.folder import segment_files
from zs3.inference.inputs import find_inputs
from zs3.inference.outputs import Outputs
from zs3.inference.predictor import Request

ROOT = Path(sys.argv[1])
PHOTOS = ROOT / "photos"
KINDS = ("labels", "coco")
IMAGES = 12


class Slow(Thresholder):
    """Takes a moment for every image."""

    def segment_batch(self, photos, request):
        time.sleep(0.01)
        return super().segment_batch(photos, request)


def segment(output: Path, resume: bool = False) -> dict:
    outputs, request = Outputs(output, KINDS), Request(NAMES)
    return segment_files(Slow(), find_inputs([PHOTOS]), outputs, request, resume=resume)


def killed(output: Path, seconds: float) -> None:
    """A run that ends after some seconds, whatever it was doing."""
    child = os.fork()
    if child == 0:
        segment(output)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def in_two(output: Path, resume: bool = False) -> None:
    """A run in two processes, which both return the whole report."""

    def work(rank: int) -> None:
        report = segment(output, resume)
        written = json.loads((output / "report.json").read_text())
        assert report["images"] == written["images"]

    forks.in_two(work, ROOT / f"meeting_{output.name}_{resume}")


def content(output: Path) -> dict[str, bytes]:
    """All files but the reports."""
    files = (path for path in output.rglob("*") if path.is_file() and path.parent != output)
    return {str(path.relative_to(output)): path.read_bytes() for path in files}


def outcome(output: Path) -> list[dict]:
    """The report without times."""
    report = json.loads((output / "report.json").read_text())
    assert report["complete"]
    entries = [*report["images"], *report["failed"]]
    return [{key: value for key, value in e.items() if key != "seconds"} for e in entries]


def main() -> None:
    random.seed(0)
    for number in range(IMAGES):
        save(PHOTOS / f"{number % 3}" / f"{number}.png")
    (PHOTOS / "broken.png").touch()

    start = time.perf_counter()
    segment(ROOT / "whole")
    duration = time.perf_counter() - start
    whole, expected = content(ROOT / "whole"), outcome(ROOT / "whole")
    assert len(whole) == IMAGES * len(KINDS) and len(expected) == IMAGES + 1

    for number in range(3):
        output = ROOT / f"killed{number}"
        killed(output, random.uniform(0.05, duration))
        left = {k: v for k, v in content(output).items() if not k.endswith(".unfinished")}
        assert all(whole[name] == written for name, written in left.items()), "half a file"
        segment(output, resume=True)
        assert content(output) == whole, "a resumed run differs from an uninterrupted one"
        assert outcome(output) == expected

    in_two(ROOT / "two")
    assert content(ROOT / "two") == whole and outcome(ROOT / "two") == expected
    assert not list((ROOT / "two").glob("report.rank*"))
    Image.new("RGB", (5, 4)).save(PHOTOS / "broken.png")
    in_two(ROOT / "two", resume=True)
    assert len(outcome(ROOT / "two")) == IMAGES + 1
    assert len(content(ROOT / "two")) == (IMAGES + 1) * len(KINDS)


if __name__ == "__main__":
    main()
