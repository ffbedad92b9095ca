"""Rows of the published key lists, and what must become of them."""

import pytest
import torch

from zs3.checkpoints.mobilenet import convert as convert_mobilenet
from zs3.checkpoints.resnet import convert

TABLE = [
    # torchvision, Caffe2, ours
    ("conv1.weight", "conv1_w", "stem.conv1.weight"),
    ("bn1.weight", "res_conv1_bn_gamma", "stem.conv1.norm.weight"),
    ("bn1.bias", "res_conv1_bn_beta", "stem.conv1.norm.bias"),
    ("bn1.running_var", "res_conv1_bn_riv", "stem.conv1.norm.running_var"),
    ("layer1.0.conv1.weight", "res2_0_branch2a_w", "res2.0.conv1.weight"),
    ("layer2.3.bn2.bias", "res3_3_branch2b_bn_b", "res3.3.conv2.norm.bias"),
    ("layer3.22.conv3.weight", "res4_22_branch2c_w", "res4.22.conv3.weight"),
    ("layer4.0.bn3.weight", "res5_0_branch2c_bn_s", "res5.0.conv3.norm.weight"),
    ("layer4.2.bn3.running_mean", "res5_2_branch2c_bn_rm", "res5.2.conv3.norm.running_mean"),
    ("layer1.0.downsample.0.weight", "res2_0_branch1_w", "res2.0.shortcut.weight"),
    (
        "layer2.0.downsample.1.running_mean",
        "res3_0_branch1_bn_running_mean",
        "res3.0.shortcut.norm.running_mean",
    ),
    (
        "layer2.0.downsample.1.running_var",
        "res3_0_branch1_bn_running_var",
        "res3.0.shortcut.norm.running_var",
    ),
    ("fc.weight", "fc1000_w", None),
]


@pytest.mark.parametrize(("torchvision", "caffe2", "ours"), TABLE)
def test_names(torchvision, caffe2, ours):
    value = torch.ones(1)
    if ours is None:
        assert convert({torchvision: value, caffe2: value}).keys() == {"fc.weight", "fc1000.weight"}
    else:
        for key in (torchvision, caffe2, ours):
            assert convert({key: value}) == {ours: value}


def test_momentum_is_dropped():
    assert not convert({"res2_0_branch2a_w_momentum": torch.ones(1)})


def test_a_file_of_two_layouts_is_refused():
    with pytest.raises(ValueError, match=r"both 'conv1\.weight' and 'conv1_w' become"):
        convert({"conv1.weight": torch.ones(1), "conv1_w": torch.ones(1)})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("features.0.0.weight", "res1.0.0.weight"),
        ("features.1.conv.2.bias", "res1.1.conv.2.bias"),
        ("features.10.conv.3.weight", "res4.3.conv.3.weight"),
        ("features.17.conv.0.1.bias", "res5.3.conv.0.1.bias"),
        ("features.18.0.weight", "features.18.0.weight"),
        ("classifier.1.bias", "classifier.1.bias"),
    ],
)
def test_names_of_mobilenet(theirs, ours):
    assert convert_mobilenet({theirs: torch.ones(1)}).keys() == {ours}
