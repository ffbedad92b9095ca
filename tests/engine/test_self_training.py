from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from zs3.config import get_config
from zs3.engine.build import build_step
from zs3.engine.self_training import completed
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import IGNORE, Vocabulary

UNSEEN = torch.tensor([False, False, True, True])
# One row a pixel: unseen first, unseen second, unseen last, and one that is labelled.
SCORES = torch.tensor(
    [[0.1, 0.2, 0.3, 0.4], [0.1, 0.6, 0.3, 0.0], [0.5, 0.4, 0.1, 0.0], [0.0, 0.0, 1.0, 0.0]]
).T.reshape(4, 2, 2)
LABELS = torch.tensor([[IGNORE, IGNORE], [IGNORE, 1]])


def test_an_unseen_class_among_the_best_is_taken():
    made = completed(LABELS, SCORES, UNSEEN, top=1)
    assert made.tolist() == [[3, IGNORE], [IGNORE, 1]]
    assert completed(LABELS, SCORES, UNSEEN, top=2).tolist() == [[3, 2], [IGNORE, 1]]
    assert completed(LABELS, SCORES, UNSEEN, top=4).tolist() == [[3, 2], [2, 1]]


def test_the_most_certain_are_kept():
    made = completed(LABELS, SCORES, UNSEEN, top=4, keep=0.34)
    assert made.tolist() == [[3, IGNORE], [IGNORE, 1]]
    assert torch.equal(completed(LABELS, SCORES, UNSEEN, top=4, keep=0.1), LABELS)


def test_a_crop_is_labelled_at_its_own_size():
    """A sample's "height" and "width" are those of the whole photo."""
    file = Path(__file__).parents[2] / "configs/shapes/spnet_projection_self_training.yaml"
    cfg = get_config(file, ["MODEL.DEVICE", "cpu"])
    names = Vocabulary.of("grass, water, gravel", unseen=["gravel"])
    crop = {
        "image": torch.randint(256, (3, 48, 64), dtype=torch.uint8),
        "sem_seg": torch.randint(3, (48, 64)),
        "vocabulary": names,
        "height": 360,
        "width": 480,
    }
    model = ZeroShotSegmentor(cfg, vocabulary=names).train()
    assert build_step(cfg, model)([[crop]])["total_loss"] > 0


def test_transductive_training_has_to_say_so():
    options = ["MODEL.LABEL_POLICY.NAME", "Transductive"]
    with pytest.raises(ValueError, match=r"set TEST.SETTING to transductive"):
        build_step(get_config(opts=options), nn.Linear(1, 1))
    build_step(get_config(opts=[*options, "TEST.SETTING", "transductive"]), nn.Linear(1, 1))
