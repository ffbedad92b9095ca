import torch
from torch import nn

from zs3.mlp import mlp


def test_relu_stands_between_layers_and_not_after_the_last():
    assert [type(layer) for layer in mlp(5, 4, 3)] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [type(layer) for layer in mlp(5, 3)] == [nn.Linear]
    assert mlp(5, 4, 3)(torch.randn(2, 7, 5)).shape == (2, 7, 3)


def test_one_width_is_the_identity():
    x = torch.randn(2, 3)
    assert torch.equal(mlp(3)(x), x)
