import torch

from zs3.regions import Regions


def test_pixels_become_regions_row_by_row():
    features = torch.randn(2, 3, 4, 5)
    regions = Regions.of_pixels(features)
    assert regions.embeddings.shape == (2, 20, 3)
    assert regions.masks is None and regions.grid == (4, 5)
    assert torch.equal(regions.embeddings[1, 2 * 5 + 3], features[1, :, 2, 3])


def test_painting_pixels_undoes_taking_them():
    features = torch.randn(2, 3, 4, 5)
    regions = Regions.of_pixels(features)
    assert torch.equal(regions.paint(regions.embeddings), features)


def test_a_pixel_is_a_region_with_a_one_pixel_mask():
    B, h, w, K = 2, 3, 4, 5
    scores = torch.randn(B, h * w, K)
    masks = torch.full((h * w, h * w), -1e4).fill_diagonal_(1e4)
    masks = masks.view(1, h * w, h, w).expand(B, -1, -1, -1)
    embeddings = torch.empty(B, h * w, 0)

    dense = Regions(embeddings, grid=(h, w))
    proposals = Regions(embeddings, grid=(h, w), masks=masks)

    torch.testing.assert_close(proposals.paint(scores), dense.paint(scores))


def test_overlapping_masks_add_up():
    """Region 0 covers both cells by half, region 1 the second one: 0.5 * 2, and 0.5 * 2 + 3."""
    masks = torch.tensor([[[[0.0, 0.0]], [[-1e4, 1e4]]]])
    regions = Regions(torch.empty(1, 2, 0), grid=(1, 2), masks=masks)
    painted = regions.paint(torch.tensor([[[2.0], [3.0]]]))
    torch.testing.assert_close(painted, torch.tensor([[[[1.0, 4.0]]]]))
