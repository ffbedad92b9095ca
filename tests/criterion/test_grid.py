from __future__ import annotations

import torch
from torch.nn import functional as F

from zs3.criterion import GridCrossEntropy
from zs3.regions import Regions, highest
from zs3.vocabulary import IGNORE

TARGETS = torch.tensor([[0, 1, 2, IGNORE], [1, 1, 0, 2]])[None]
# Three classes on a grid of half the size, and on one of the labels' own.
COARSE = torch.tensor([[[2.0, -1.0]], [[0.0, 1.0]], [[0.5, 3.0]]])[None]
FINE = torch.arange(24.0).reshape(1, 3, 2, 4).cos()


def test_of_several_groupings_their_highest_logits_are_supervised_too():
    regions = [Regions.of_pixels(COARSE), Regions.of_pixels(FINE)]
    logits = [group.embeddings for group in regions]
    resized = F.interpolate(COARSE, (2, 4), mode="bilinear", align_corners=False)
    best = torch.maximum(resized, FINE)
    assert torch.equal(highest(regions, logits), best)

    losses = GridCrossEntropy(class_weight=2.0)(regions, logits, TARGETS)

    expected = {
        "loss_ce_0": F.cross_entropy(COARSE, TARGETS[:, :1, ::2]),  # nearest: rows 0, columns 0, 2
        "loss_ce_1": F.cross_entropy(FINE, TARGETS, ignore_index=IGNORE),
        "loss_ce": F.cross_entropy(best, TARGETS, ignore_index=IGNORE),
    }
    torch.testing.assert_close(losses, {name: 2 * loss for name, loss in expected.items()})


def test_one_grouping_is_supervised_once():
    regions = [Regions.of_pixels(FINE)]
    losses = GridCrossEntropy()(regions, [regions[0].embeddings], TARGETS)
    expected = F.cross_entropy(FINE, TARGETS, ignore_index=IGNORE)
    torch.testing.assert_close(losses, {"loss_ce": expected})
