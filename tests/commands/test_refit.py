"""`zs3 refit` on a small CaGNet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import zs3
from zs3.commands import refit
from zs3.config import get_config
from zs3.data.datasets.shapes import NAMES
from zs3.engine.weights import export_weights
from zs3.runtime.config import dump
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

SHAPES = Path(__file__).parents[2] / "configs" / "shapes"


def run_directory(tmp_path: Path, method: str) -> Path:
    """What a run that has not learned anything leaves."""
    cfg = get_config(SHAPES / f"{method}.yaml", ["MODEL.DEVICE", "cpu", "MODEL.WEIGHTS", ""])
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(NAMES)
    model = ZeroShotSegmentor(cfg, vocabulary=vocabulary)
    directory = tmp_path / method
    directory.mkdir()
    (directory / "config.yaml").write_text(dump(cfg))
    vocabulary.save(directory / "vocabulary.json")
    export_weights(model, directory / "model_final.safetensors", {})
    return directory


@pytest.mark.parametrize("method", ["cagnet", "zs3net"])
def test_other_names_can_be_asked_afterwards(tmp_path, method):
    source = run_directory(tmp_path, method)
    (tmp_path / "names.txt").write_text("red star\ngrass\na spoon\n")
    arguments = [str(source), str(tmp_path / "out"), "--classes", str(tmp_path / "names.txt")]
    refit.main([*arguments, "--iterations", "3"])
    segmenter = zs3.load(tmp_path / "out", ["MODEL.DEVICE", "cpu"])
    assert segmenter.model.vocabulary.names == ("red star", "grass", "a spoon")
    scores = segmenter.model.eval()([{"image": torch.zeros(3, 64, 64)}])[0]["sem_seg"]
    assert scores.shape == (3, 64, 64)


def test_a_model_that_reads_text_needs_none(tmp_path):
    source = run_directory(tmp_path, "spnet_projection")
    (tmp_path / "names.txt").write_text("grass\n")
    with pytest.raises(SystemExit, match="generates no features"):
        refit.main([str(source), str(tmp_path / "out"), "--classes", str(tmp_path / "names.txt")])
    assert not (tmp_path / "out").exists()
