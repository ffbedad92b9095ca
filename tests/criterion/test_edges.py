import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch.nn import functional as F

from zs3.criterion import edge_map
from zs3.criterion.edges import balanced_edge_loss, edge_attention_loss
from zs3.vocabulary import IGNORE


def test_both_sides_of_a_boundary_and_the_border_of_the_image():
    regions = torch.zeros(9, 9, dtype=torch.long)
    regions[:, 5:] = 1
    inner = edge_map(regions)[4]
    assert inner.tolist() == [True, True, False, True, True, True, True, True, True]
    assert edge_map(regions)[0].all()


def test_no_region_has_no_edges_of_its_own():
    nothing = torch.full((6, 7), -1)
    assert not edge_map(nothing).any()
    nothing[3, 3] = 2
    edges = edge_map(nothing, radius=1)
    assert edges.sum() == 5 and edges[3, 2] and not edges[2, 2]


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_it_is_what_distances_say(radius):
    generator = torch.Generator().manual_seed(radius)
    regions = torch.randint(-1, 3, (7, 5), generator=generator)
    regions = regions.repeat_interleave(3, 0).repeat_interleave(3, 1)
    expected = torch.zeros_like(regions, dtype=torch.bool)
    for region in range(3):
        channel = F.pad((regions == region).long(), [1] * 4).numpy()
        distance = distance_transform_edt(channel) + distance_transform_edt(1 - channel)
        expected |= torch.from_numpy(distance <= radius)[1:-1, 1:-1]
    assert torch.equal(edge_map(regions, radius), expected)


def test_edges_and_the_rest_weigh_the_same():
    edges = torch.tensor([[[True, False, False, False]]])
    loss = balanced_edge_loss(torch.zeros(1, 1, 4), edges)
    # One edge of weight 3/4 and three cells of weight 1/4, each log 2, over four cells.
    assert loss == pytest.approx((0.75 + 3 * 0.25) * 0.6931472 / 4)


def test_attention_weighs_rare_classes_where_the_model_sees_edges():
    scores = torch.zeros(1, 2, 1, 4)
    targets = torch.tensor([[[0, 0, 1, IGNORE]]])
    seen = torch.tensor([[[1.0, 1.0, 1.0, 1.0]]])
    assert edge_attention_loss(scores, targets, seen) == pytest.approx(0.6931472)
    only_last = torch.tensor([[[0.8, 0.0, 0.9, 5.0]]])  # 0.8 is not above 0.8
    scores[0, 1, 0, 2] = 2.0
    expected = F.cross_entropy(torch.tensor([[0.0, 2.0]]), torch.tensor([1]))
    assert edge_attention_loss(scores, targets, only_last) == pytest.approx(expected.item())


def test_images_add_up_and_one_without_edges_adds_nothing():
    torch.manual_seed(0)
    scores, targets = torch.randn(2, 2, 3, 3), torch.randint(2, (2, 3, 3))
    edges = torch.full((2, 3, 3), 2.0)
    edges[1] = 0.0
    both = edge_attention_loss(scores, targets, edges)
    torch.testing.assert_close(both, edge_attention_loss(scores[:1], targets[:1], edges[:1]))
    assert edge_attention_loss(scores, targets, torch.zeros(2, 3, 3)) == 0
