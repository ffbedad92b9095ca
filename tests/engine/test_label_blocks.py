from __future__ import annotations

import pytest
import torch

from zs3.engine.label_blocks import fused, learn, sample
from zs3.generation.pixel_cnn import PixelCNN
from zs3.vocabulary import IGNORE

UNSEEN = torch.tensor([False, False, True])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return PixelCNN(text_dim=3, num_classes=3, kernel=3, width=8, dropout=(0.0, 0.0))


def test_a_pixel_depends_on_those_before_it_alone(network):
    text, condition = torch.rand(1, 3, 3, 3), torch.rand(1, 3, 3, 3)
    before = network.eval()(text, condition)
    text[0, 1, 1] += 1
    changed = (network(text, condition) != before).any(1)[0]
    assert not changed[0].any() and not changed[1, :2].any()
    assert changed[1, 2] and changed[2].any()


def test_labels_are_learned(network):
    """All blocks are alike, so the likeliest label of every pixel is soon known."""
    labels = torch.tensor([[0, 1, 0], [1, 0, 1], [0, IGNORE, 0]])[None].repeat(4, 1, 1)
    learn(network, torch.eye(3), [labels] * 60, side=3, lr=0.02)
    filled = labels[:1].where(labels[:1] != IGNORE, 0)
    known = torch.eye(3)[filled]
    predicted = network.eval()(known, known).argmax(1)
    assert torch.equal(predicted[labels[:1] != IGNORE], labels[:1][labels[:1] != IGNORE])


def test_only_blocks_that_are_mostly_unseen_are_kept(network):
    torch.manual_seed(0)
    made = sample(network, torch.eye(3), UNSEEN, side=3, rounds=1, each=64)
    assert (UNSEEN[made].flatten(1).sum(1) >= 7).all()
    with pytest.raises(ValueError, match=r"none of 0 blocks has 30 pixels"):
        sample(network, torch.eye(3), UNSEEN, side=7, rounds=1, each=0)


def test_blocks_of_one_unseen_class_are_added(network):
    is_unseen = torch.tensor([False, True, False, True])
    made = torch.tensor([[[1, 3], [3, 0]]] * 5)
    blocks = fused(made, is_unseen, 8)
    assert blocks.shape == (45, 2, 2)
    is_made = (blocks == made[0]).flatten(1).all(1)
    assert is_made.sum() == 5 and not is_made[:5].all()
    constant = blocks[~is_made].flatten(1)
    assert (constant == constant[:, :1]).all() and set(constant.unique().tolist()) == {1, 3}
    assert torch.equal(fused(made, is_unseen, 0), made)
