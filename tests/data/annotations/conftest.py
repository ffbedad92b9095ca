"""Lets these tests import what they write annotations with."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def photos(tmp_path):
    """Writes grey photos of 6 x 4 pixels by their paths below tmp_path; returns them by key."""

    def write(*names, size=(6, 4)):
        images = {}
        for name in names:
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(path)
            images[str(Path(name).with_suffix(""))] = path
        return images

    return write
