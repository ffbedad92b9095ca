import pytest
import torch
import torchvision
from torch.nn import functional as F

from zs3.backbone.mobilenet import MobileNetV2
from zs3.checkpoints.mobilenet import convert
from zs3.config import add_zs3_config
from zs3.runtime.config import get_cfg
from zs3.runtime.layers import ShapeSpec


def test_features_are_torchvisions():
    torch.manual_seed(0)
    reference = torchvision.models.mobilenet_v2(num_classes=1).eval()
    network = MobileNetV2(out_features=["res1", "res2", "res3", "res4", "res5"]).eval()
    state = convert(reference.state_dict())
    network.load_state_dict({key: state[key] for key in network.state_dict()})
    x = torch.randn(1, 3, 65, 96)
    features = network(x)
    for i, layer in enumerate(reference.features[:18]):
        x = layer(x)
        if i in (1, 3, 6, 13, 17):
            torch.testing.assert_close(features.pop(min(features)), x)
    assert not features


def test_shapes():
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.MOBILENET.OUT_FEATURES = ["res2", "res4"]
    network = MobileNetV2(cfg, ShapeSpec(channels=3))
    shapes = {name: (spec.channels, spec.stride) for name, spec in network.output_shape().items()}
    assert shapes == {"res2": (24, 4), "res4": (96, 16)}
    features = network(torch.randn(2, 3, 33, 64))
    assert {name: tuple(x.shape) for name, x in features.items()} == {
        "res2": (2, 24, 9, 16),
        "res4": (2, 96, 3, 4),
    }
    assert not hasattr(network, "res5")


@pytest.mark.parametrize(
    ("size", "pad"), [((6, 8), (0, 1, 0, 1)), ((7, 8), (0, 1, 1, 1)), ((5, 9), (1, 1, 1, 1))]
)
def test_same_padding_is_at_the_end_for_even_sizes_and_on_both_sides_for_odd_ones(size, pad):
    conv = MobileNetV2(out_features=["res1"], same_padding=True).res1[0][0]
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(conv(x), F.conv2d(F.pad(x, pad), conv.weight, stride=2))


def test_same_padding_changes_strided_convolutions_only_and_no_name():
    same, symmetric = MobileNetV2(same_padding=True), MobileNetV2()
    assert same.state_dict().keys() == symmetric.state_dict().keys()
    kinds = {type(m).__name__ for m in same.modules() if getattr(m, "stride", 0) == (2, 2)}
    assert kinds == {"Conv2dSame"}
    assert sum(type(m).__name__ == "Conv2dSame" for m in same.modules()) == 5
