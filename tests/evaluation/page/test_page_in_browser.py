"""The page in a real browser: no complaint, nothing overflows, charts have pixels."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zs3.evaluation.page import write_page

NAMES = ["<b>grass</b>", "a name that goes on and on, and on", *(f"class {k}" for k in range(34))]
UNSEEN = NAMES[1::4]
WIDTHS = (1280, 390)  # pixels of a laptop, and of a phone

# A page that shows ours in frames of either width, and writes down what it sees there.
FRAMES = """
<!doctype html><title>frames</title><body><pre id="seen"></pre><script>
const page = %s, seen = {};
const sized = (doc, selector) => [...doc.querySelectorAll(selector)].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width >= 1 && box.height >= 1;
}).length;
for (const width of %s) {
  const frame = document.createElement("iframe");
  Object.assign(frame, {width, height: 800, srcdoc: page});
  frame.onload = () => {
    const doc = frame.contentDocument;
    seen[width] = {
      overflow: doc.documentElement.scrollWidth - doc.documentElement.clientWidth,
      bars: sized(doc, ".track i"),
      cells: sized(doc, ".heat .hit, .heat .miss"),
      curves: sized(doc, ".curve polyline"),
      pictures: [...doc.images].filter(image => image.naturalWidth > 0).length,
      bold: doc.querySelectorAll(".classes b").length,
    };
    document.getElementById("seen").textContent = JSON.stringify(seen);
    console.log("measured " + width);
  };
  document.body.append(frame);
}
</script>
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    asked = os.environ.get("ZS3_CHROMIUM")
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
    found = asked or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: set ZS3_CHROMIUM to one")
    return found


@pytest.fixture
def page(evaluate, tmp_path) -> Path:
    """Two runs with everything a page can show."""
    folders = [
        evaluate(run, NAMES, UNSEEN, images=4, found=found, config=f"MODEL:\n  NAME: {run}\n")
        for run, found in (("zegformer", 0.7), ("spnet with a rather long name", 0.5))
    ]
    calibration = {"gammas": [0, 0.5], "S": [50, 40], "U": [0, 30], "hIoU": [0, 34.29]}
    (folders[0] / "calibration.json").write_text(json.dumps(calibration))
    path = tmp_path / "page.html"
    write_page(folders, path)
    return path


def browse(chromium: str, path: Path, *options: str) -> tuple[str, list[str]]:
    """What it prints, and its console."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--enable-logging=stderr", f"--user-data-dir={path.parent / 'profile'}", *options]
    done = subprocess.run(
        [*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, re.findall(r":CONSOLE[(:]\d+\)?\] (.*)", done.stderr)


def screenshot(chromium: str, page: Path, *options: str) -> np.ndarray:
    """(H, W, 3), and nothing on the console."""
    picture = page.with_suffix(".png")
    options = (f"--screenshot={picture}", "--window-size=1280,3000", *options)
    _, console = browse(chromium, page, *options)
    assert console == []
    return np.asarray(Image.open(io.BytesIO(picture.read_bytes())).convert("RGB"))


def test_it_fits_a_laptop_and_a_phone(chromium, page, tmp_path):
    text = json.dumps(page.read_text(encoding="utf-8")).replace("</", "<\\/")
    frames = tmp_path / "frames.html"
    frames.write_text(FRAMES % (text, list(WIDTHS)), encoding="utf-8")
    printed, console = browse(chromium, frames, "--dump-dom", "--virtual-time-budget=10000")
    # Also that the console is heard.
    assert len(console) == 2 and all("measured" in line for line in console), console
    found = re.search(r'<pre id="seen">(.*?)</pre>', printed)
    assert found
    seen = json.loads(found[1])
    for width in WIDTHS:
        here = seen[str(width)]
        assert here["overflow"] == 0, f"at {width} pixels"
        assert here["bars"] == 2 * len(NAMES) and here["cells"] > 2 * len(NAMES)
        assert here["curves"] == 3 and here["pictures"] == 2 * 4 * 4
        assert here["bold"] == 0, "a class's name became markup"


@pytest.mark.parametrize(
    ("dark", "paper", "seen", "unseen"),
    [
        (False, "ffffff", "2f6fb7", "d9770f"),
        (True, "14171c", "6ea8e8", "f2a14a"),
    ],
)
def test_bars_and_curves_have_their_colours_by_day_and_by_night(
    chromium, page, dark, paper, seen, unseen
):
    options = ["--blink-settings=preferredColorScheme=0"] if dark else []
    pixels = screenshot(chromium, page, *options)

    def share(colour: str) -> float:
        return float((pixels == list(bytes.fromhex(colour))).all(-1).mean())

    assert share(paper) > 0.5
    assert share(seen) > 0.01 and share(unseen) > 0.003
