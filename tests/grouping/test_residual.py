import pytest
import torch

from zs3.config import get_config
from zs3.grouping import ResidualProposal

B, N, K, H, W = 2, 3, 4, 13, 17
SIZES = [(H, W)] * B


def claimed_except(box: tuple[slice, slice], batch: int = B) -> torch.Tensor:
    """Query 1 claims everything but a box with the logit 5; elsewhere all logits are -5."""
    masks = torch.full((batch, N, H, W), -5.0)
    masks[:, 1] = 5.0
    masks[(slice(None), 1, *box)] = -5.0
    return masks


def test_the_residual_is_what_no_query_claims():
    masks, logits = claimed_except((slice(2, 9), slice(3, 11))), torch.randn(B, N, K + 1)
    masks[0, :, 3, 4] = torch.tensor([-2.0, -1.0, -3.0])
    more, more_logits = ResidualProposal(min_pixels=56)(masks, logits, SIZES)

    assert more.shape == (B, N + 1, H, W) and more_logits.shape == (B, N + 1, K + 1)
    assert torch.equal(more[:, :N], masks) and torch.equal(more_logits[:, :N], logits)
    inside = torch.zeros(H, W, dtype=torch.bool)
    inside[2:9, 3:11] = True
    assert torch.equal(more[1, N] > 0, inside)
    # sigmoid(1) = 1 - max over queries of sigmoid(mask)
    torch.testing.assert_close(more[0, N, 3, 4].sigmoid(), 1 - masks[0, :, 3, 4].sigmoid().max())


def test_it_may_be_any_class_but_not_void():
    masks = claimed_except((slice(2, 9), slice(3, 11)))
    _, logits = ResidualProposal(min_pixels=1)(masks, torch.randn(B, N, K + 1), SIZES)
    expected = torch.tensor([1 / K] * K + [0.0])
    torch.testing.assert_close(logits[1, N].softmax(0), expected)


@pytest.mark.parametrize(
    ("box", "min_pixels"),
    [
        ((slice(2, 9), slice(3, 11)), 57),  # one pixel too small
        ((slice(2, 9), slice(3, 7)), 1),  # narrower than the 5 x 5 square
        ((slice(0, 0), slice(0, 0)), 1),  # nothing left
    ],
)
def test_where_nothing_is_left_the_proposal_is_empty_and_void(box, min_pixels):
    residual = ResidualProposal(min_pixels=min_pixels, kernel=5)
    masks, logits = residual(claimed_except(box), torch.randn(B, N, K + 1), SIZES)
    assert masks[:, N].sigmoid().max() < 1e-12
    torch.testing.assert_close(logits[0, N].softmax(0), torch.tensor([0.0] * K + [1.0]))


def test_opening_removes_thin_parts_and_keeps_the_border_of_the_image():
    masks = claimed_except((slice(0, 6), slice(0, 7)))
    masks[:, 1, 2, 7:] = -5.0
    opened = ResidualProposal(min_pixels=1)(masks, torch.randn(B, N, K + 1), SIZES)[0][:, N] > 0
    expected = torch.zeros(H, W, dtype=torch.bool)
    expected[0:6, 0:7] = True
    assert torch.equal(opened[0], expected)


@pytest.mark.parametrize("column", [9, 10])
def test_padding_is_no_residual(column):
    """
    Nobody claims what lies beyond 9 x 12, yet only the box inside is left over.

    A strip at the edge is left over as well if half the square fits into it, padding or not:
    3 of its 5 pixels, but not 2.
    """
    masks, logits = claimed_except((slice(1, 7), slice(1, 7)), batch=1), torch.randn(1, N, K + 1)
    masks[..., 9:, :] = masks[..., column:] = -5.0
    padded, _ = ResidualProposal(min_pixels=1)(masks, logits, [(9, 12)])
    alone, _ = ResidualProposal(min_pixels=1)(masks[..., :9, :12], logits, [(9, 12)])
    assert (padded[:, N] > 0).sum() == 6 * 6 + {9: 9 * 3, 10: 0}[column]
    assert torch.equal(padded[..., :9, :12], alone)


def test_images_are_judged_one_by_one():
    masks = claimed_except((slice(2, 9), slice(3, 11)))
    masks[1, 1] = 5.0
    together = ResidualProposal(min_pixels=1)(masks, torch.zeros(B, N, K + 1), SIZES)
    assert (together[0][0, N] > 0).any() and not (together[0][1, N] > 0).any()
    assert together[1][0, N, -1] < 0 < together[1][1, N, -1] - together[1][1, N, 0]


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd kernel, got 4; use 5"):
        ResidualProposal(kernel=4)


def test_sizes_come_from_the_configuration():
    options = ["MODEL.RESIDUAL_PROPOSAL.MIN_PIXELS", "7", "MODEL.RESIDUAL_PROPOSAL.KERNEL", "3"]
    residual = ResidualProposal(get_config(opts=options))
    assert (residual.min_pixels, residual.kernel) == (7, 3)
