"""Episodes from their dataset to their scores: what training and evaluation are given, and say."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch

from zs3.config import get_config
from zs3.data.datasets.shapes import NAMES, draw_scene, unseen_names
from zs3.data.image_set import OTHERS
from zs3.data.loader import build_test_loader, build_train_loader
from zs3.data.mapper import IMAGE_ARRAY, LABEL_ARRAY
from zs3.engine.run import run
from zs3.runtime.data import DatasetCatalog, MetadataCatalog
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Episode, Vocabulary

CONFIG = Path(__file__).parents[2] / "configs" / "shapes" / "sazs.yaml"
UNSEEN = tuple(unseen_names("mixed"))


def samples(names: tuple[str, ...]) -> list[dict]:
    """An episode about each of some names."""
    found = []
    for i, name in enumerate(names):
        scene = draw_scene(5, i, UNSEEN)
        found.append(
            {
                "file_name": f"{i}.png",
                IMAGE_ARRAY: scene.image,
                LABEL_ARRAY: scene.label,
                "episode": name,
                "vocabulary": Vocabulary.of((OTHERS, name), unseen=(name,)),
            }
        )
    return found


@pytest.fixture
def datasets():
    names = {"tiny_episodes_train": ("grass", "water"), "tiny_episodes_val": UNSEEN[:2]}
    for name, asked in names.items():
        DatasetCatalog.register(name, lambda asked=asked: samples(asked))
        MetadataCatalog.get(name).set(
            stuff_classes=list(NAMES),
            unseen=list(UNSEEN),
            ignore_label=255,
            evaluator_type="episodes",
        )
    yield
    for name in names:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def config(output: Path, *options: str):
    given = {
        "DATASETS.TRAIN": "('tiny_episodes_train',)",
        "DATASETS.TEST": "('tiny_episodes_val',)",
        "MODEL.DEVICE": "cpu",
        "SOLVER.MAX_ITER": "1",
        "SOLVER.IMS_PER_BATCH": "2",
        "TEST.IMS_PER_BATCH": "2",
        "TEST.BEST_METRIC": "mIoU",
        "OUTPUT_DIR": str(output),
    }
    pairs = [text for pair in given.items() for text in pair]
    return get_config(CONFIG, [*pairs, *options])


def test_training_is_told_the_class_and_keeps_all_labels(datasets, tmp_path):
    cfg = config(tmp_path)
    batch = next(iter(build_train_loader(cfg)))
    assert {sample["vocabulary"].wanted for sample in batch} == {"grass", "water"}
    assert all(isinstance(sample["vocabulary"], Episode) for sample in batch)
    assert len(torch.stack([sample["sem_seg"] for sample in batch]).unique()) > 2
    torch.manual_seed(0)
    losses = ZeroShotSegmentor(cfg).train()(batch)
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_evaluation_is_asked_two_names(datasets, tmp_path):
    batch = next(iter(build_test_loader(config(tmp_path), "tiny_episodes_val")))
    assert [sample["vocabulary"].names for sample in batch] == [(OTHERS, n) for n in UNSEEN[:2]]


def test_a_run_reports_the_prediction_and_what_the_labels_would_choose(datasets, tmp_path):
    args = argparse.Namespace(
        resume=False,
        eval_only=False,
        per_class=False,
        allow_partial=False,
        trust_pickle=False,
        config_file=str(CONFIG),
        opts=[],
    )
    run(config(tmp_path, "TEST.ORACLE", "True"), args)
    written = tmp_path / "inference" / "tiny_episodes_val" / "metrics.json"
    scores = json.loads(written.read_text())
    assert 0 <= scores["sem_seg"]["mIoU"] <= scores["sem_seg_sazs_oracle"]["mIoU"] <= 100
    assert f"IoU-{UNSEEN[0]}" in scores["sem_seg"]
