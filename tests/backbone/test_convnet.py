import pytest
import torch

from zs3.backbone.convnet import ConvNet
from zs3.config import add_zs3_config
from zs3.runtime.config import get_cfg
from zs3.runtime.layers import ShapeSpec


def test_the_shapes_recipe():
    cfg = get_cfg()
    add_zs3_config(cfg)
    network = ConvNet(cfg, ShapeSpec(channels=3))
    strides = {name: (spec.channels, spec.stride) for name, spec in network.output_shape().items()}
    assert strides == {"res2": (48, 4), "res3": (96, 8), "res4": (128, 16)}
    features = network(torch.randn(2, 3, 49, 64))
    assert [tuple(x.shape) for x in features.values()] == [
        (2, 48, 13, 16),
        (2, 96, 7, 8),
        (2, 128, 4, 4),
    ]


def test_residual_blocks_after_each_strided_convolution():
    network = ConvNet(channels=(4, 6, 8), blocks=(0, 2, 1), out_features=["res3", "res1"])
    convolutions = [
        sum(p.dim() == 4 for p in getattr(network, f"res{i}").parameters()) for i in (1, 2, 3)
    ]
    assert convolutions == [1, 1 + 4, 1 + 2]
    assert list(network(torch.randn(2, 3, 16, 16))) == ["res3", "res1"]


def test_every_parameter_of_what_is_asked_for_trains():
    network = ConvNet(channels=(4, 6, 8), blocks=(0, 1, 1), out_features=["res2"])
    network(torch.randn(2, 3, 16, 16))["res2"].sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert not hasattr(network, "res3")


def test_refusals():
    with pytest.raises(
        ValueError, match=r"channels \[4, 6\] and blocks \[1\] need one entry a stage"
    ):
        ConvNet(channels=(4, 6), blocks=(1,))
    with pytest.raises(ValueError, match=r"out_features is \['res5'\]; expected some of \['res1'"):
        ConvNet(out_features=["res5"])
