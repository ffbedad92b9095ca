import pytest
import torch

from zs3.backbone import build_backbone
from zs3.config import add_zs3_config
from zs3.runtime.config import get_cfg


@pytest.fixture
def cfg():
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.BACKBONE.NAME = "ConvNet"
    cfg.MODEL.CONVNET.CHANNELS = [4, 5]
    cfg.MODEL.CONVNET.BLOCKS = [0, 1]
    cfg.MODEL.CONVNET.OUT_FEATURES = ["res2"]
    return cfg


@pytest.mark.parametrize("name", ["ConvNet", "MobileNetV2", "ResNet", "TimmBackbone"])
def test_every_backbone_keeps_the_contract(cfg, name):
    cfg.MODEL.BACKBONE.NAME = name
    cfg.MODEL.TIMM.NAME = "test_resnet"
    cfg.MODEL.RESNETS.WIDTH_PER_GROUP, cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 4, 8
    backbone = build_backbone(cfg)
    features = backbone(torch.randn(2, 3, 32, 64))
    for feature, spec in backbone.output_shape().items():
        assert features[feature].shape == (2, spec.channels, 32 // spec.stride, 64 // spec.stride)
    assert features.keys() == backbone.output_shape().keys()


def test_weights_are_loaded(cfg, tmp_path):
    state = {k: torch.rand_like(v) for k, v in build_backbone(cfg).state_dict().items() if v.dim()}
    torch.save(state, tmp_path / "weights.pth")
    cfg.MODEL.BACKBONE.WEIGHTS = str(tmp_path / "weights.pth")
    loaded = build_backbone(cfg).state_dict()
    torch.testing.assert_close({key: loaded[key] for key in state}, state)


def test_an_unknown_name_is_refused_with_the_known_ones(cfg):
    cfg.MODEL.BACKBONE.NAME = "ResNets"
    with pytest.raises(
        ValueError,
        match=r"ConvNet, MobileNetV2, PromptedClipVisual, ResNet, .*Did you mean 'ResNet'\?",
    ):
        build_backbone(cfg)
