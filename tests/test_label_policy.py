"""What a model is asked about in training."""

from __future__ import annotations

import pytest
import torch

from zs3.config import get_config
from zs3.label_policy import Inductive, build_label_policy
from zs3.vocabulary import IGNORE, Vocabulary

SKY = Vocabulary.of(["sky", "sheep", "grass"], unseen=["sheep"])


def test_inductive_training_knows_no_unseen_name_and_ignores_its_pixels() -> None:
    asked, (labels,) = Inductive().ask([SKY], [torch.tensor([[0, 1], [2, 255]])])

    assert [vocabulary.names for vocabulary in asked] == [("sky", "grass")]
    assert labels.tolist() == [[0, IGNORE], [1, IGNORE]]


def test_images_of_different_vocabularies_are_refused() -> None:
    labels = [torch.zeros(1, 1, dtype=torch.int64)] * 2
    with pytest.raises(ValueError, match="different vocabularies"):
        Inductive().ask([SKY, Vocabulary.of(["sky"])], labels)


def test_the_configuration_names_the_policy() -> None:
    assert isinstance(build_label_policy(get_config()), Inductive)
    with pytest.raises(ValueError, match=r"no label policy is called 'Inductiv'.*Inductive"):
        build_label_policy(get_config(opts=["MODEL.LABEL_POLICY.NAME", "Inductiv"]))
