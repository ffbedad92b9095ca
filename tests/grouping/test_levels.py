import pytest
import torch
from torch import nn

from zs3.config import get_config
from zs3.grouping import PixelGrid, WithLevels, build_grouping
from zs3.grouping.levels import at_regions
from zs3.regions import Regions
from zs3.runtime.layers import ShapeSpec

B, N = 2, 3
SHAPES = {"fine": ShapeSpec(channels=4, stride=4), "coarse": ShapeSpec(channels=5, stride=8)}


def features():
    torch.manual_seed(0)
    return {"fine": torch.randn(B, 4, 4, 6), "coarse": torch.randn(B, 5, 2, 3)}


class Given(nn.Module):
    embedding_dim = 7

    def __init__(self, *regions):
        super().__init__()
        self.regions = list(regions)

    def forward(self, features):
        return self.regions


def test_a_pixels_level_is_the_map_at_its_place():
    maps, regions = features(), Regions(torch.zeros(B, 24, 7), (4, 6))
    assert torch.equal(regions.paint(at_regions(maps["fine"], regions)), maps["fine"])
    enlarged = nn.functional.interpolate(maps["coarse"], (4, 6), mode="bilinear")
    assert torch.equal(regions.paint(at_regions(maps["coarse"], regions)), enlarged)


def test_a_masks_level_is_the_mean_inside():
    maps = features()["coarse"]
    masks = torch.full((B, N, 4, 6), -50.0)
    masks[:, 0, :2, :4] = 50  # the first two coarse cells of the first row
    masks[:, 1] = 50
    got = at_regions(maps, Regions(torch.zeros(B, N, 7), (4, 6), masks))
    torch.testing.assert_close(got[:, 0], maps[:, :, 0, :2].mean(2))
    torch.testing.assert_close(got[:, 1], maps.mean((2, 3)))
    assert torch.isfinite(got[:, 2]).all()  # of an empty mask


def test_masks_are_not_trained_through_their_levels():
    masks = torch.randn(B, N, 4, 6, requires_grad=True)
    level = at_regions(features()["fine"].requires_grad_(), Regions(masks, (4, 6), masks))
    level.sum().backward()
    assert masks.grad is None


def test_all_groupings_get_levels_and_a_summary():
    maps = features()
    regions = [Regions(torch.full((B, 24, 7), float(i)), (4, 6)) for i in range(2)]
    subject = WithLevels(Given(*regions), SHAPES, levels=["fine", "coarse"], summary="coarse")
    assert subject.embedding_dim == 7
    for before, after in zip(regions, subject(maps), strict=True):
        assert after.embeddings is before.embeddings and after.grid == before.grid
        assert [level.shape for level in after.levels] == [(B, 24, 4), (B, 24, 5)]
        torch.testing.assert_close(after.summary, maps["coarse"].mean((2, 3)))


def test_levels_may_be_projected_to_one_width():
    given = Given(Regions(torch.zeros(B, 24, 7), (4, 6)))
    subject = WithLevels(given, SHAPES, levels=["fine", "coarse"], summary="coarse", level_dim=9)
    (regions,) = subject(features())
    for vectors in (*regions.levels, regions.summary):
        assert vectors.shape[-1] == 9
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(vectors.shape[:-1]))
    assert set(subject.projections) == {"fine", "coarse"}


def test_configuration():
    options = ["MODEL.GROUPING.NAME", "PixelGrid", "MODEL.PIXEL_DECODER.NAME", "BackboneMap"]
    options += ["MODEL.PIXEL_DECODER.IN_FEATURES", ["fine"]]
    assert isinstance(build_grouping(get_config(opts=options), SHAPES), PixelGrid)
    levels = ["MODEL.GROUPING.LEVELS", ["coarse"], "MODEL.GROUPING.SUMMARY", "fine"]
    subject = build_grouping(get_config(opts=[*options, *levels]), SHAPES)
    (regions,) = subject(features())
    assert len(regions.levels) == 1 and regions.summary.shape == (B, 4)
    with pytest.raises(ValueError, match=r"ask for \['fin'\], and the backbone gives \['coarse'"):
        build_grouping(get_config(opts=[*options, "MODEL.GROUPING.SUMMARY", "fin"]), SHAPES)
