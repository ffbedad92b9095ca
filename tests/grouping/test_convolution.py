import torch
from torch import nn

from zs3.grouping.convolution import c2_xavier, input_projection


def test_weights_start_uniform_by_fan_in_and_biases_zero():
    conv = c2_xavier(nn.Conv2d(5, 60, 3))
    bound = (3 / (5 * 9)) ** 0.5
    assert 0.95 * bound < conv.weight.abs().max() <= bound
    assert not conv.bias.any()
    assert c2_xavier(nn.Conv2d(5, 60, 3, bias=False)).bias is None


def test_a_fitting_map_passes_unless_projection_is_enforced():
    x = torch.randn(2, 4, 3, 5)
    assert torch.equal(input_projection(4, 4, enforce=False)(x), x)
    assert input_projection(4, 6, enforce=False)(x).shape == (2, 6, 3, 5)
    assert isinstance(input_projection(4, 4, enforce=True), nn.Conv2d)
