import importlib
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock as TorchvisionBasic
from torchvision.models.resnet import Bottleneck as TorchvisionBottleneck

from zs3.backbone.conv_norm import FrozenBatchNorm2d
from zs3.backbone.resnet import BasicBlock, Bottleneck, ResNet, Stem, make_stage, make_stages
from zs3.checkpoints.resnet import convert
from zs3.config import add_zs3_config, get_config
from zs3.runtime.config import get_cfg
from zs3.runtime.layers import ShapeSpec

ROOT = Path(__file__).parents[2]
IMAGES = ShapeSpec(channels=3)


@pytest.fixture
def cfg():
    cfg = get_cfg()
    add_zs3_config(cfg)
    return cfg


def small(norm="FrozenBN", out_features=("stem", "res2", "res3", "res4", "res5"), **options):
    stages = make_stages(50, norm=norm, stem_channels=8, res2_channels=12, res2_width=4, **options)
    return ResNet(stem=Stem(3, 8, norm=norm), stages=stages, out_features=out_features)


def test_shapes_are_what_output_shape_says():
    network = small()
    B, H, W = 2, 70, 101
    features = network(torch.randn(B, 3, H, W))
    assert list(features) == list(network.output_shape())
    for name, spec in network.output_shape().items():
        size = [-(-side // spec.stride) for side in (H, W)]
        assert features[name].shape == (B, spec.channels, *size)
    assert [spec.channels for spec in network.output_shape().values()] == [8, 12, 24, 48, 96]
    assert [spec.stride for spec in network.output_shape().values()] == [4, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("depth", "parameters"), [(18, 11.2), (34, 21.3), (50, 23.5), (101, 42.4), (152, 58.0)]
)
def test_published_sizes_have_torchvisions_tensors(cfg, depth, parameters):
    cfg.MODEL.RESNETS.DEPTH = depth
    cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 64 if depth < 50 else 256
    with torch.device("meta"):
        ours = ResNet(cfg, IMAGES)
        theirs = getattr(torchvision.models, f"resnet{depth}")()
    published = {k: v.shape for k, v in convert(theirs.state_dict()).items()}
    expected = {
        k: v for k, v in published.items() if not k.startswith("fc.") and "num_batches" not in k
    }
    assert {k: v.shape for k, v in ours.state_dict().items()} == expected
    assert sum(p.numel() for p in ours.parameters()) / 1e6 == pytest.approx(parameters, abs=0.06)


@pytest.mark.parametrize(
    ("theirs", "block", "options"),
    [(TorchvisionBasic, BasicBlock, {}), (TorchvisionBottleneck, Bottleneck, {"width": 64})],
)
def test_agrees_with_torchvision(theirs, block, options):
    """One block a stage, random statistics."""
    torch.manual_seed(0)
    reference = torchvision.models.ResNet(theirs, [1, 1, 0, 0], num_classes=1).eval()
    for key, value in reference.state_dict().items():
        if "running" in key:
            value.uniform_(0.5, 2)
    channels = 64 * theirs.expansion
    stages = [
        make_stage(block, 64, channels, stride=1, dilations=[1], norm="FrozenBN", **options),
        make_stage(
            block,
            channels,
            2 * channels,
            stride=2,
            dilations=[1],
            norm="FrozenBN",
            **{name: 2 * value for name, value in options.items()},
        ),
    ]
    ours = ResNet(stem=Stem(3, 64, norm="FrozenBN"), stages=stages, out_features=["res2", "res3"])
    state = convert(reference.state_dict())
    ours.load_state_dict({key: state[key] for key in ours.state_dict()})

    x = torch.randn(1, 3, 33, 46)
    stem = reference.maxpool(reference.relu(reference.bn1(reference.conv1(x))))
    res2 = reference.layer1(stem)
    torch.testing.assert_close(ours(x), {"res2": res2, "res3": reference.layer2(res2)})


def test_the_stride_sits_where_it_is_told_to():
    in_3x3, in_1x1 = small(), small(stride_in_1x1=True)
    assert (in_3x3.res3[0].conv1.stride, in_3x3.res3[0].conv2.stride) == ((1, 1), (2, 2))
    assert (in_1x1.res3[0].conv1.stride, in_1x1.res3[0].conv2.stride) == ((2, 2), (1, 1))
    in_1x1.load_state_dict(in_3x3.state_dict())
    x = torch.randn(1, 3, 64, 64)
    assert not torch.allclose(in_1x1(x)["res3"], in_3x3(x)["res3"])


@pytest.mark.parametrize(
    ("dilations", "strides"),
    [
        ((1, 1, 1, 2), [4, 4, 8, 16, 16]),
        ((1, 1, 2, 4), [4, 4, 8, 8, 8]),
        ((1, 1, 2, 2), [4, 4, 8, 8, 16]),
    ],
)
def test_a_stage_that_dilates_more_keeps_the_grid(dilations, strides):
    network = small(dilations=dilations)
    assert [spec.stride for spec in network.output_shape().values()] == strides
    features = network(torch.randn(1, 3, 64, 96))
    assert [64 // x.shape[2] for x in features.values()] == strides
    assert [block.conv2.dilation[0] for block in network.res5] == [dilations[3]] * 3
    assert network.state_dict().keys() == small().state_dict().keys()


def test_a_dilated_basic_block_keeps_the_grid():
    block = BasicBlock(3, 5, stride=1, norm="BN", dilation=3)
    assert block(torch.randn(2, 3, 7, 8)).shape == (2, 5, 7, 8)


def test_grouped_convolutions_share_their_width():
    network = small(groups=2)
    assert network.res2[0].conv2.weight.shape == (4, 2, 3, 3)
    assert network.res5[0].conv2.groups == 2


@pytest.mark.parametrize("freeze_at", [0, 1, 3])
def test_frozen_stages_do_not_train(cfg, freeze_at):
    cfg.MODEL.RESNETS.NORM = "BN"
    cfg.MODEL.BACKBONE.FREEZE_AT = freeze_at
    cfg.MODEL.RESNETS.WIDTH_PER_GROUP = 4
    cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 8
    cfg.MODEL.RESNETS.OUT_FEATURES = ["res2", "res4"]
    network = ResNet(cfg, IMAGES)
    sum(x.sum() for x in network(torch.randn(2, 3, 32, 32)).values()).backward()
    for i, name in enumerate(["stem", "res2", "res3", "res4"]):
        part = getattr(network, name)
        assert all((p.grad is None) == (i < freeze_at) for p in part.parameters())
        norms = {type(m) for m in part.modules() if type(m).__name__.endswith("Norm2d")}
        assert norms == {FrozenBatchNorm2d if i < freeze_at else nn.BatchNorm2d}


def test_stages_that_nobody_reads_are_not_there():
    network = small(out_features=["res3"])
    assert not hasattr(network, "res4")
    assert list(network(torch.randn(1, 3, 32, 32))) == ["res3"]


def test_convolutions_start_as_kaiming_normal_by_fan_out():
    weight = small().res5[0].conv3.weight
    assert weight.std().item() == pytest.approx((2 / weight.shape[0]) ** 0.5, rel=0.05)


@pytest.fixture
def with_deep_stem(cfg):
    cfg.MODEL.RESNETS.STEM_TYPE, cfg.MODEL.RESNETS.STEM_OUT_CHANNELS = "deeplab", 128
    cfg.MODEL.RESNETS.OUT_FEATURES = ["res2"]
    return cfg


def test_a_deep_stem_by_hand(with_deep_stem):
    """Of ones and zeros: 1 x 1 pixel of value 1 spreads over 3 x 3 three times, by 3, 64 and 64."""
    stem = ResNet(with_deep_stem, IMAGES).stem
    for parameter in stem.parameters():
        nn.init.ones_(parameter)
    image = torch.zeros(1, 3, 32, 32)
    image[..., 16, 16] = 1
    (cells,) = stem(image)[0, :1] / (3 * 64 * 64)
    assert stem(image).shape == (1, 128, 8, 8)
    # Stride 2 leaves row 8 alone; two sums of 3 x 3 give 1 2 3 2 1 by rows and columns 6 to 10, of
    # which pooling takes the highest of rows 1-3, 3-5, 5-7, 7-9, 9-11, ...
    line = torch.tensor([0, 0, 0, 2, 3, 2, 0, 0])
    torch.testing.assert_close(cells, torch.outer(line, line).float())


def test_a_published_deep_stem_loads():
    cfg = get_config(ROOT / "configs/backbone/r101c.yaml")
    with torch.device("meta"):
        network = ResNet(cfg, IMAGES)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    # As Detectron2 names them; all else is as in R-101.
    assert shapes["stem.conv1.weight"] == (64, 3, 3, 3)
    assert shapes["stem.conv2.weight"] == (64, 64, 3, 3)
    assert shapes["stem.conv3.weight"] == (128, 64, 3, 3)
    assert shapes["stem.conv3.norm.running_var"] == (128,)
    assert shapes["res2.0.shortcut.weight"] == (256, 128, 1, 1)
    assert convert(network.state_dict()).keys() == shapes.keys()


def test_a_deep_stem_is_detectron2s(with_deep_stem):
    deeplab = pytest.importorskip("detectron2.projects.deeplab", reason="no Detectron2")
    theirs = importlib.import_module("detectron2.config").get_cfg()
    deeplab.add_deeplab_config(theirs)
    for key in ("STEM_TYPE", "STEM_OUT_CHANNELS", "OUT_FEATURES"):
        theirs.MODEL.RESNETS[key] = with_deep_stem.MODEL.RESNETS[key]
    theirs.MODEL.RESNETS.STRIDE_IN_1X1 = False
    reference = deeplab.build_resnet_deeplab_backbone(theirs, IMAGES).eval()
    ours = ResNet(with_deep_stem, IMAGES)
    ours.load_state_dict(reference.state_dict())
    x = torch.randn(1, 3, 65, 46)
    torch.testing.assert_close(ours(x), reference(x))


def test_refusals(cfg):
    with pytest.raises(ValueError, match="there is no ResNet-20; the depths are 18, 34, 50"):
        make_stages(20, norm="BN")
    with pytest.raises(ValueError, match=r"dilations is \(1, 2\); expected four"):
        make_stages(50, norm="BN", dilations=(1, 2))
    with pytest.raises(ValueError, match=r"out_features is \['res6'\]; expected some of \['stem'"):
        small(out_features=["res6"])
    with pytest.raises(ValueError, match=r"out_features is \[\]"):
        small(out_features=[])
    cfg.MODEL.RESNETS.DEPTH = 18
    with pytest.raises(
        ValueError, match="is 256, but ResNet-18 has 64 channels there; set it to 64"
    ):
        ResNet(cfg, IMAGES)
    cfg.MODEL.RESNETS.STEM_TYPE = "deep"
    with pytest.raises(ValueError, match="STEM_TYPE is 'deep'; expected basic or deeplab"):
        ResNet(cfg, IMAGES)
