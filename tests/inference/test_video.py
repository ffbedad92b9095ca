"""Videos: a label map a frame, and a video of overlays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from thresholder import NAMES, Thresholder, half_bright

from zs3.data.reading import read_label
from zs3.inference.folder import segment_files
from zs3.inference.inputs import find_inputs
from zs3.inference.outputs import Outputs
from zs3.inference.predictor import Request

FRAMES, HEIGHT, WIDTH = 7, 48, 64


@pytest.fixture
def clip(tmp_path) -> Path:
    """Frame i is bright from column 8 * i on."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (WIDTH, HEIGHT))
    for i in range(FRAMES):
        frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        frame[:, 8 * i :] = 255
        writer.write(frame)
    writer.release()
    return path


def run(files: list[Path], output: Path, kinds=("labels", "overlay"), **options):
    outputs, request = Outputs(output, kinds), Request(NAMES, scores="scores" in kinds)
    return segment_files(Thresholder(), find_inputs(files), outputs, request, **options)


def frames_of(video: Path) -> tuple[list[np.ndarray], float]:
    capture, frames = cv2.VideoCapture(str(video)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize(("every", "numbers"), [(1, range(7)), (3, (0, 3, 6))])
def test_frames_become_label_maps_and_a_video(clip, tmp_path, every, numbers):
    report = run([clip], tmp_path / "out", every=every, batch=2)

    entry = report["images"][0]
    assert (entry["frames"], entry["size"]) == (len(numbers), [HEIGHT, WIDTH])
    assert (entry["labels"], entry["overlay"]) == ("labels/clip", "overlays/clip.mp4")
    files = sorted((tmp_path / "out/labels/clip").iterdir())
    assert [file.name for file in files] == [f"{number:06d}.png" for number in numbers]
    for file, number in zip(files, numbers, strict=True):
        bright = np.arange(WIDTH) >= 8 * number
        assert (read_label(file) == bright).mean() > 0.95
    assert entry["found"]["dark"] == pytest.approx(8 * np.mean(numbers) / WIDTH, abs=0.05)
    frames, rate = frames_of(tmp_path / "out/overlays/clip.mp4")
    assert len(frames) == len(numbers) and rate == pytest.approx(10 / every, abs=0.1)
    assert frames[0].shape[1] == 4 * WIDTH and frames[0].shape[0] > 4 * HEIGHT  # enlarged, legend
    assert not list((tmp_path / "out").rglob("*unfinished*"))


def test_other_outputs_are_written_for_every_frame(clip, tmp_path):
    run([clip], tmp_path / "out", kinds=("labels", "scores", "coco"), every=4)
    assert sorted(p.name for p in (tmp_path / "out/scores/clip").iterdir()) == [
        *("000000.npz", "000004.npz"),
    ]
    assert (tmp_path / "out/coco/clip/000004.json").exists()
    assert not (tmp_path / "out/overlays").exists()


def test_frames_go_where_the_video_is_not_segmented_again(clip, tmp_path):
    run([clip], tmp_path / "out", kinds=("labels", "overlay", "scores"))
    Image.fromarray(half_bright()).save(tmp_path / "a.png")
    run([tmp_path / "a.png"], tmp_path / "out")
    files = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in files) == [
        *("labels/a.png", "overlays/a.png", "report.csv", "report.json"),
    ]
    run([clip], tmp_path / "out", every=3)
    (tmp_path / "out/labels/clip/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"labels/clip/notes\.txt is not of an earlier run"):
        run([tmp_path / "a.png"], tmp_path / "out")


def test_broken_videos_are_reported_and_images_go_on(clip, tmp_path, capfd):
    broken, empty, missing = (tmp_path / name for name in ("cut.mp4", "no.avi", "missing.mp4"))
    broken.write_bytes(clip.read_bytes()[:300])
    empty.touch()
    (tmp_path / "list.txt").write_text(f"{broken}\n{empty}\n{missing}\n")
    Image.fromarray(half_bright()).save(tmp_path / "a.png")
    report = run([tmp_path / "a.png", f"@{tmp_path / 'list.txt'}", clip], tmp_path / "out")
    assert [Path(entry["file"]).name for entry in report["images"]] == ["a.png", "clip.mp4"]
    assert [Path(entry["file"]).name for entry in report["failed"]] == [
        *("cut.mp4", "no.avi", "missing.mp4"),
    ]
    assert "OpenCV knows no such format" in report["failed"][0]["reason"]
    assert "missing.mp4 does not exist" in report["failed"][2]["reason"]
    assert not list((tmp_path / "out").rglob("*unfinished*"))


def test_a_finished_video_is_left_out(clip, tmp_path):
    first = run([clip], tmp_path / "out")
    written = (tmp_path / "out/overlays/clip.mp4").stat().st_mtime_ns
    assert run([clip], tmp_path / "out", resume=True)["images"] == first["images"]
    assert (tmp_path / "out/overlays/clip.mp4").stat().st_mtime_ns == written
