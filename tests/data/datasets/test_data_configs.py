"""Every benchmark of configs/data names datasets that are there, of one split."""

from __future__ import annotations

from pathlib import Path

import pytest

from zs3.config import get_config
from zs3.data import vocabulary_of
from zs3.data.datasets import IMAGE_SETS, register_all

ROOT = Path(__file__).parents[3] / "configs" / "data"
FILES = [file for file in sorted(ROOT.glob("*.yaml")) if file.stem not in ("camvid", "shapes")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_names_registered_datasets(file):
    register_all()
    cfg = get_config(file)
    trained_on, tested_on = list(cfg.DATASETS.TRAIN), list(cfg.DATASETS.TEST)
    (train,), tests = map(vocabulary_of, trained_on), list(map(vocabulary_of, tested_on))
    if train.unseen and "_to_" not in file.stem:
        assert trained_on == [f"{file.stem}_train"] and tested_on == [f"{file.stem}_val"]
        assert tests == [train]


def test_every_split_is_a_benchmark():
    splits = {f"{s.dataset}_{split}" for s in IMAGE_SETS for split in s.splits if split}
    assert splits <= {file.stem for file in FILES}
