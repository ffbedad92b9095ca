import pytest
import torch

from zs3.backbone import BesideClip, ConvNet, build_backbone
from zs3.config import get_config

OPTIONS = ["MODEL.BACKBONE.NAME", "ConvNet", "MODEL.CLIP.NAME", "shapes_clip"]
OPTIONS += ["MODEL.CLIP.PRETRAINED", "", "MODEL.CLIP_VISUAL.LEVELS", [2]]


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    return build_backbone(get_config(opts=[*OPTIONS, "MODEL.CLIP_BESIDE", True])).eval()


def test_features_of_both_are_given_as_announced(backbone):
    assert isinstance(backbone, BesideClip) and isinstance(backbone.backbone, ConvNet)
    images = torch.randn(1, 3, 32, 48)
    features, shapes = backbone(images), backbone.output_shape()
    assert features.keys() == shapes.keys()
    assert {"res2", "block2", "clip", "clip_summary"} <= features.keys()
    for name, feature in features.items():
        assert feature.shape[1] == shapes[name].channels
    assert torch.equal(features["res2"], backbone.backbone(images)["res2"])
    assert torch.equal(features["clip"], backbone.clip(images)["clip"])


def test_without_the_key_there_is_no_clip():
    assert isinstance(build_backbone(get_config(opts=OPTIONS)), ConvNet)
