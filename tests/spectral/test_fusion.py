import pytest
import torch

from zs3.refinement import SpectralPrior
from zs3.spectral import SpectralGraph
from zs3.spectral.fusion import (
    FUSIONS,
    best_overlap,
    best_overlap_of_masks,
    cluster,
    diffusion,
    region_voting,
)
from zs3.spectral.segmenter import EigenSegmenter


def halves() -> torch.Tensor:
    """One vector, which tells left from right."""
    vectors = torch.full((1, 4, 6), -1.0)
    vectors[..., 3:] = 1.0
    return vectors


def nearly_right() -> torch.Tensor:
    """Logits of two classes, the second on the right half but for one cell."""
    maps = torch.stack((torch.zeros(4, 6), halves()[0]))
    maps[1, 0, 5] = -1.0
    return maps


@pytest.mark.parametrize("name", FUSIONS)
def test_a_wrong_cell_follows_its_segment(name):
    fused = FUSIONS[name](nearly_right(), halves(), 0.8)
    assert torch.equal(fused.argmax(0), (halves()[0] > 0).long())


@pytest.mark.parametrize("name", ["diffusion", "region_voting"])
def test_without_strength_nothing_changes(name):
    maps = torch.randn(3, 4, 6)
    torch.testing.assert_close(FUSIONS[name](maps, halves(), 0.0), maps)


def test_diffusion_projects():
    torch.manual_seed(0)
    vectors = torch.randn(2, 4, 6)
    kept = torch.stack((vectors[0] + 2 * vectors[1] + 3, vectors[1]))
    torch.testing.assert_close(diffusion(kept, vectors, 1.0), kept)
    maps = torch.randn(2, 4, 6)
    once = diffusion(maps, vectors, 1.0)
    torch.testing.assert_close(diffusion(once, vectors, 1.0), once)


def test_region_voting_keeps_the_mean_of_every_segment():
    torch.manual_seed(0)
    maps = torch.randn(2, 4, 6)
    voted = region_voting(maps, halves(), 1.0)
    assert torch.equal(voted[..., :3], voted[:, :1, :1].expand(2, 4, 3))
    torch.testing.assert_close(voted[:, 0, 0], maps[..., :3].mean((1, 2)))


def test_a_poor_overlap_replaces_nothing():
    maps = torch.zeros(2, 4, 6)
    maps[1, 0, 0] = 1.0
    assert torch.equal(best_overlap(maps, halves(), 0.6).argmax(0), maps.argmax(0))


def test_masks_do_not_compete():
    masks = torch.full((2, 4, 6), -2.0)
    masks[0, :, 3:] = 2.0
    masks[0, 0, 0] = 2.0
    masks[1, 0, 0] = 2.0
    refined = best_overlap_of_masks(masks, halves(), 0.5)
    assert torch.equal(refined[0] > 0, halves()[0] > 0)
    assert torch.equal(refined[1], masks[1])


def test_clusters_are_found_without_chance():
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    groups = torch.arange(30) % 3
    points = centres[groups] + torch.randn(30, 2)
    labels = cluster(points, 3)
    for group in range(3):
        assert len(labels[groups == group].unique()) == 1
    assert len(labels.unique()) == 3
    assert cluster(torch.zeros(4, 2), 3).unique().tolist() == [0]


def test_refusals():
    segmenter = EigenSegmenter(graph=SpectralGraph(colour_weight=1.0))
    with pytest.raises(ValueError, match="no spectral fusion is called 'vote'; there are best_"):
        SpectralPrior(segmenter=segmenter, fusion="vote")
    with pytest.raises(ValueError, match=r"MODEL.SPECTRAL.STRENGTH is 2; expected 0 to 1"):
        SpectralPrior(segmenter=segmenter, strength=2)
    with pytest.raises(ValueError, match="no spectral matrix is called 'cut'; there are lapl"):
        SpectralGraph(matrix="cut")
    with pytest.raises(ValueError, match="no colour affinity is called 'hue'; there are knn"):
        SpectralGraph(colour="hue")
