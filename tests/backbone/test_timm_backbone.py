import pytest
import timm
import torch

from zs3.backbone.timm import TimmBackbone
from zs3.config import add_zs3_config
from zs3.runtime.config import get_cfg
from zs3.runtime.layers import ShapeSpec


def test_features_are_named_by_their_strides():
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.TIMM.NAME = "test_resnet"
    cfg.MODEL.TIMM.OUT_FEATURES = ["res5", "res1", "res3"]
    network = TimmBackbone(cfg, ShapeSpec(channels=3))
    shapes = {name: (spec.channels, spec.stride) for name, spec in network.output_shape().items()}
    assert shapes == {"res1": (32, 2), "res3": (48, 8), "res5": (96, 32)}
    features = network(torch.randn(2, 3, 64, 96))
    assert {name: tuple(x.shape) for name, x in features.items()} == {
        "res1": (2, 32, 32, 48),
        "res3": (2, 48, 8, 12),
        "res5": (2, 96, 2, 3),
    }


def test_of_several_maps_of_one_stride_the_last_is_taken():
    network = TimmBackbone(name="test_vit", out_features=["res4"]).eval()
    x = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(network(x)["res4"], network.net(x)[-1])
    assert network.output_shape()["res4"].stride == 16


def test_maps_with_channels_last_are_turned(monkeypatch):
    """As Swin's are."""
    network = TimmBackbone(name="test_resnet", out_features=["res2", "res3"]).eval()
    x = torch.randn(1, 3, 32, 64)
    expected = network(x)
    turned = [y.permute(0, 2, 3, 1) for y in expected.values()]
    monkeypatch.setattr(network.net, "forward", lambda images: turned)
    monkeypatch.setattr(network.net, "output_fmt", "NHWC")
    torch.testing.assert_close(network(x), expected)


def test_images_that_the_model_cannot_take():
    network = TimmBackbone(name="test_vit", out_features=["res4"])
    with pytest.raises(
        ValueError, match=r"test_vit cannot take images of 70x96 .*made for 160x160"
    ):
        network(torch.randn(1, 3, 70, 96))


def test_other_failures_are_not_blamed_on_the_size(monkeypatch):
    network = TimmBackbone(name="test_resnet", out_features=["res2"])

    def forward(images):
        raise torch.cuda.OutOfMemoryError("no memory")

    monkeypatch.setattr(network.net, "forward", forward)
    with pytest.raises(torch.cuda.OutOfMemoryError, match="no memory"):
        network(torch.randn(1, 3, 64, 64))


def test_pretrained_weights_without_a_network(monkeypatch):
    def create_model(name, pretrained=False, _create=timm.create_model, **options):
        if pretrained:
            raise OSError("cannot reach the hub")
        return _create(name, **options)

    monkeypatch.setattr(timm, "create_model", create_model)
    with pytest.raises(ValueError, match=r"test_resnet could not be had \(cannot reach the hub\)"):
        TimmBackbone(name="test_resnet", pretrained=True)


def test_refusals():
    with pytest.raises(ValueError, match=r"timm has no model 'resnet_50'; the nearest .*resnet50"):
        TimmBackbone(name="resnet_50")
    with pytest.raises(
        ValueError, match=r"out_features is \['res2'\]; timm's test_vit has \['res4'\]"
    ):
        TimmBackbone(name="test_vit", out_features=["res2"])
