import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from zs3.criterion.mask import (
    bce_terms,
    dice_loss,
    focal_terms,
    mask_loss,
    pairwise_dice_loss,
    pairwise_mask_loss,
    pixel_terms,
)

LN2, LN3 = 0.693147, 1.098612


def test_bce_by_hand():
    # p = 1/2 costs ln 2 either way; p = 3/4 costs ln 4/3 inside and ln 4 outside.
    logits = torch.tensor([[0.0, 0.0], [LN3, LN3]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    expected = torch.tensor([LN2, (2 * 2 * LN2 - LN3) / 2])
    torch.testing.assert_close(mask_loss(bce_terms(logits), targets), expected)


def test_focal_by_hand():
    # p = 1/2: alpha (1/2)^2 ln 2 inside, (1 - alpha) (1/2)^2 ln 2 outside, alpha = 1/4.
    logits = torch.zeros(2, 1)
    targets = torch.tensor([[1.0], [0.0]])
    expected = torch.tensor([LN2 / 16, 3 * LN2 / 16])
    torch.testing.assert_close(mask_loss(focal_terms(logits), targets), expected)


def test_dice_by_hand():
    logits = 100 * torch.tensor([[1.0, 1, -1, -1], [-1, -1, -1, -1], [1, 1, 1, 1]])
    targets = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]])
    # 1 - 3/4; nothing predicted, nothing there; 1 - 5/7.
    expected = torch.tensor([0.25, 0.0, 2 / 7])
    torch.testing.assert_close(dice_loss(logits, targets), expected)


@pytest.mark.parametrize("fractions", [False, True])
def test_other_implementations_agree(fractions):
    torch.manual_seed(0)
    logits, targets = 5 * torch.randn(3, 7), torch.rand(3, 7)
    if not fractions:
        targets = targets.round()
    bce = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)
    torch.testing.assert_close(mask_loss(bce_terms(logits), targets), bce)
    if not fractions:
        focal = sigmoid_focal_loss(logits, targets, alpha=0.25, gamma=2).mean(1)
        torch.testing.assert_close(mask_loss(focal_terms(logits), targets), focal)


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_all_pairs_are_pairs(name):
    torch.manual_seed(0)
    B, Q, T, S = 2, 3, 4, 5
    logits, targets = 4 * torch.randn(B, Q, S), torch.rand(B, T, S)
    terms = pixel_terms(name)
    got_mask = pairwise_mask_loss(terms(logits), targets)
    got_dice = pairwise_dice_loss(logits, targets)
    for b in range(B):
        for q in range(Q):
            for t in range(T):
                x, y = logits[b, q : q + 1], targets[b, t : t + 1]
                torch.testing.assert_close(got_mask[b, q, t], mask_loss(terms(x), y)[0])
                torch.testing.assert_close(got_dice[b, q, t], dice_loss(x, y)[0])


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_large_logits_stay_finite(name):
    logits = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    loss = mask_loss(pixel_terms(name)(logits), torch.tensor([[1.0, 0.0]]))
    loss.sum().backward()
    assert loss.item() > 10
    assert logits.grad.isfinite().all()


def test_unknown_loss():
    with pytest.raises(ValueError, match=r"unknown mask loss 'l2'; expected one of \['bce', 'f"):
        pixel_terms("l2")
