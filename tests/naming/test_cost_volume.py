"""The cost volume: cosines by hand, names of every image, refusals."""

from __future__ import annotations

import pytest
import torch

from zs3.config import get_config
from zs3.naming import CostVolume, build_naming
from zs3.regions import Regions


def test_cosines_by_hand() -> None:
    """Two cells and two templates of one class; lengths do not matter."""
    regions = Regions(torch.tensor([[[3.0, 4.0], [0.0, 0.5]]]), grid=(1, 2))
    text = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    got = CostVolume(in_dim=2, dim=2)(regions, text)
    torch.testing.assert_close(got, torch.tensor([[[[0.6, 0.8]], [[0.0, 1.0]]]]))


def test_every_image_may_bring_its_own_names() -> None:
    regions, text = Regions(torch.randn(2, 6, 4), grid=(2, 3)), torch.randn(2, 5, 3, 4)
    naming = CostVolume(in_dim=4, dim=4)
    got = naming(regions, text)
    assert got.shape == (2, 6, 5, 3)
    for image in range(2):
        torch.testing.assert_close(got[image], naming(regions, text[image])[image])


def test_refusals() -> None:
    with pytest.raises(
        ValueError, match="embeddings of width 5 with text of width 4; take the same"
    ):
        CostVolume(in_dim=5, dim=4)
    cfg = get_config(None, ["MODEL.NAMING.NAME", "CostVolume"])
    with pytest.raises(ValueError, match="keeps the templates apart for an aggregation; set MODEL"):
        build_naming(cfg, 4, 4)
