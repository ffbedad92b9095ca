"""What a model is asked about in training."""

from __future__ import annotations

import pytest
import torch

from zs3.config import get_config
from zs3.label_policy import UNASSIGNED, Inductive, Transductive, build_label_policy
from zs3.regions import Regions
from zs3.vocabulary import IGNORE, Vocabulary

SKY = Vocabulary.of(["sky", "sheep", "grass"], unseen=["sheep"])


def test_inductive_training_knows_no_unseen_name_and_ignores_its_pixels() -> None:
    asked, (labels,) = Inductive().ask([SKY], [torch.tensor([[0, 1], [2, 255]])])

    assert [vocabulary.names for vocabulary in asked] == [("sky", "grass")]
    assert labels.tolist() == [[0, IGNORE], [1, IGNORE]]


def test_transductive_training_knows_all_names_and_that_a_pixel_is_of_some_unseen_class() -> None:
    asked, (labels,) = Transductive().ask([SKY], [torch.tensor([[0, 1], [2, 255]])])

    assert asked == (SKY,)
    assert labels.tolist() == [[0, UNASSIGNED], [2, IGNORE]]


def test_an_unassigned_pixel_becomes_the_best_unseen_class() -> None:
    vocabulary = Vocabulary.of(["sky", "sheep", "grass", "cow"], unseen=["sheep", "cow"])
    targets = torch.tensor([[[UNASSIGNED, UNASSIGNED, 2, IGNORE]]])
    logits = torch.tensor([[[9.0, 1.0, 9.0, 0.0], [9.0, 0.0, 9.0, 1.0]]], requires_grad=True)
    regions = Regions(torch.zeros(1, 2, 0), (1, 2))

    got = Transductive().complete([vocabulary], targets, regions, logits)

    # Four pixels over two cells; the first two see cell 0, or three quarters of it.
    assert got.tolist() == [[[1, 1, 2, IGNORE]]]
    flipped = Transductive().complete([vocabulary], targets, regions, logits.flip(1))
    assert flipped.tolist() == [[[3, 3, 2, IGNORE]]]


def test_without_unseen_classes_there_is_nothing_to_assign() -> None:
    vocabulary = Vocabulary.of(["sky", "grass"])
    targets = torch.tensor([[[0, IGNORE]]])
    regions, logits = Regions(torch.zeros(1, 2, 0), (1, 2)), torch.zeros(1, 2, 2)
    assert torch.equal(Transductive().complete([vocabulary], targets, regions, logits), targets)


def test_images_of_different_vocabularies_are_refused() -> None:
    labels = [torch.zeros(1, 1, dtype=torch.int64)] * 2
    with pytest.raises(ValueError, match="different vocabularies"):
        Inductive().ask([SKY, Vocabulary.of(["sky"])], labels)
    with pytest.raises(ValueError, match="different vocabularies"):
        Transductive().ask([SKY, Vocabulary.of(["sky"])], labels)


def test_the_configuration_names_the_policy() -> None:
    assert isinstance(build_label_policy(get_config()), Inductive)
    transductive = get_config(opts=["MODEL.LABEL_POLICY.NAME", "Transductive"])
    assert isinstance(build_label_policy(transductive), Transductive)
    with pytest.raises(ValueError, match=r"no label policy is called 'Inductiv'.*Inductive"):
        build_label_policy(get_config(opts=["MODEL.LABEL_POLICY.NAME", "Inductiv"]))
