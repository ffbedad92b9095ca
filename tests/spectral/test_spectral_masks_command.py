import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "datasets" / "prepare" / "spectral_masks.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_folder_of_images_and_a_second_run(tmp_path: Path) -> None:
    images, output = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 255, (32, 40, 3), np.uint8)).save(images / f"{name}.png")
    arguments = ("--images", images, "--output", output, "--jobs", 2)
    first, second = (run(*arguments, "--opts", "MODEL.SPECTRAL.COUNT", 3) for _ in range(2))
    assert first.returncode == 0 and "2 of 2 images done now" in first.stdout
    assert second.returncode == 0 and "0 of 2 images done now" in second.stdout
    names = sorted(file.name for file in output.iterdir())
    assert names == [*(f"{name}_k{i}.png" for name in "ab" for i in range(3)), "spectral.json"]
    other = run(*arguments, "--opts", "MODEL.SPECTRAL.COUNT", 3, "MODEL.SPECTRAL.STRIDE", 8)
    assert other.returncode == 1
    assert "holds what was made with STRIDE 4, not STRIDE 8; name another folder" in other.stderr
    arguments = (*arguments, "--force", "--opts", "MODEL.SPECTRAL.COUNT", 3)
    assert "2 of 2 images done" in run(*arguments, "MODEL.SPECTRAL.STRIDE", 8).stdout


def test_what_does_not_exist_is_said_without_a_traceback(tmp_path: Path) -> None:
    done = run("--images", tmp_path / "nothing", "--output", tmp_path / "out")
    assert done.returncode and "does not exist" in done.stderr and "Traceback" not in done.stderr
    done = run("--images", tmp_path, "--output", tmp_path / "out", "--jobs", 0)
    assert "--jobs: expected a number from 1 on, but got '0'" in done.stderr


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_image_that_cannot_be_used_does_not_stop_the_others(tmp_path: Path, jobs: int) -> None:
    images, output = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 40, 3), np.uint8))
    for name in ("a", "c"):
        picture.save(images / f"{name}.png")
    (images / "b.png").write_bytes(b"torn")
    picture.resize((9, 9)).save(images / "d.png")
    arguments = ("--images", images, "--output", output, "--jobs", jobs, "--layout", "compact")
    done = run(*arguments)
    assert done.returncode == 3
    assert "2 of 4 images done now; 2 are in" in done.stdout
    first, second = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert f"{images / 'b.png'}" in first
    assert f"{images / 'd.png'}: a graph of 4 nodes has as many eigenvectors, but 16" in second
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in output.iterdir()) == ["a.npz", "c.npz", "spectral.json"]


def test_no_image_that_can_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"torn")
    done = run("--images", tmp_path, "--output", tmp_path / "masks", "--jobs", 1)
    assert done.returncode == 1 and "error: none of the 1 images could be used." in done.stderr
