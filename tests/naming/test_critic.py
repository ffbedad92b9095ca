from __future__ import annotations

import pytest
import torch

from zs3.naming import Critic
from zs3.regions import Regions


@pytest.fixture
def critic():
    torch.manual_seed(0)
    critic = Critic(in_dim=4, text_dim=3, num_classes=5, hidden=8)
    critic.own(torch.randn(5, 1, 3))
    return critic


@pytest.fixture
def regions():
    return Regions.of_pixels(torch.randn(2, 4, 3, 2))


def test_names_are_found_in_any_order(critic, regions):
    whole = critic.eval().classify(regions.embeddings, regions.grid)
    text = critic.vectors[[4, 0, 2], None]
    assert torch.equal(critic(regions, text), whole[..., [4, 0, 2]])
    each = torch.stack((text, critic.vectors[[1, 1, 3], None]))
    got = critic(regions, each)
    assert torch.equal(got[0], whole[0][:, [4, 0, 2]])
    assert torch.equal(got[1], whole[1][:, [1, 1, 3]])


def test_training_scores_all_names_and_nobodys_channel(critic, regions):
    assert critic.train()(regions, critic.vectors[:2, None]).shape == (2, 6, 6)


def test_strangers_are_refused(critic, regions):
    with pytest.raises(ValueError, match=r"1 of the names .* none of the 5"):
        critic.eval()(regions, torch.cat((critic.vectors[:2], torch.ones(1, 3)))[:, None])
    with pytest.raises(ValueError, match="5 classes, but the vocabulary has 2"):
        critic.own(torch.randn(2, 1, 3))


def test_a_patch_reads_neighbours():
    critic = Critic(in_dim=2, text_dim=1, num_classes=2, hidden=4, patch=3).eval()
    features = torch.rand(1, 9, 2)
    moved = features.clone()
    moved[0, 0] += 1
    changed = (critic.classify(moved, (3, 3)) != critic.classify(features, (3, 3))).any(-1)
    assert changed.view(3, 3).tolist() == [[True, True, False], [True, True, False], [False] * 3]
