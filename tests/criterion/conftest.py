import pytest
import torch

from zs3.regions import Regions
from zs3.vocabulary import IGNORE

L, B, Q, K, h, w = 3, 2, 5, 4, 3, 4
H, W = 6, 12


@pytest.fixture
def case():
    """Regions and logits of L layers that ask for gradients, and targets with ignored pixels."""
    torch.manual_seed(0)
    masks = [torch.randn(B, Q, h, w).mul(3).requires_grad_() for _ in range(L)]
    logits = [torch.randn(B, Q, K + 1, requires_grad=True) for _ in range(L)]
    targets = torch.randint(0, K, (B, H, W))
    targets[0, :, :2] = IGNORE
    targets[1] = 2
    regions = [Regions(torch.empty(B, Q, 0), (h, w), mask) for mask in masks]
    return regions, logits, targets
