from __future__ import annotations

import math

import torch

from zs3.criterion.moments import moment_matching, run_matching, squared_mmd


def test_two_points_by_hand():
    """k(x, x) is 1 for each bandwidth, k(x, y) = exp(-d^2 / 2s)."""
    fake, real = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    expected = 2 * (2 - math.exp(-4 / 4) - math.exp(-4 / 10))
    assert math.isclose(squared_mmd(fake, real, (2, 5)).item(), expected, rel_tol=1e-6)


def test_bandwidths_that_do_not_fit_see_no_distance():
    """Points 20 apart and 10 apart cost the same unless a bandwidth is near their distance."""

    def cost(distance: float, bandwidth: float) -> float:
        return moment_matching(torch.zeros(1, 1), torch.tensor([[distance]]), (bandwidth,)).item()

    assert math.isclose(cost(20, 2), cost(10, 2), rel_tol=1e-6)
    assert math.isclose(cost(10, 100), math.sqrt(2 - 2 * math.exp(-0.5)), rel_tol=1e-6)
    assert math.isclose(cost(20, 100), math.sqrt(2 - 2 * math.exp(-2)), rel_tol=1e-6)


def test_runs_weigh_alike_and_equal_features_cost_nothing():
    torch.manual_seed(0)
    real = torch.randn(6, 3)
    fake = real.clone()
    fake[4:] += 3
    one = run_matching(fake[4:], real[4:], torch.tensor([2, 2]))
    three = run_matching(fake, real, torch.tensor([1, 1, 2, 1, 2, 2]))
    # [1 1] [2] [1] are equal and [2 2] is not: four runs.
    torch.testing.assert_close(three, one / 4)


def test_no_gradient_is_infinite_where_nothing_differs():
    fake = torch.zeros(3, 2, requires_grad=True)
    run_matching(fake, torch.zeros(3, 2), torch.tensor([1, 1, 1])).backward()
    assert torch.equal(fake.grad, torch.zeros(3, 2))
