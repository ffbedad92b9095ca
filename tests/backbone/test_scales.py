import torch
from torch import nn
from torch.nn import functional as F

from zs3.backbone import build_backbone
from zs3.backbone.scales import MultiScale, by_scale
from zs3.config import get_config
from zs3.runtime.layers import ShapeSpec


class Halves(nn.Module):
    """Every second pixel."""

    def output_shape(self):
        return {"res1": ShapeSpec(channels=3, stride=2)}

    def forward(self, images):
        return {"res1": images[..., ::2, ::2]}


def test_the_backbone_sees_every_size():
    images = torch.rand(2, 3, 13, 18)
    maps = MultiScale(Halves(), [0.5, 0.75])(images)
    assert {name: tuple(x.shape[2:]) for name, x in maps.items()} == {
        "res1": (7, 9),
        "res1@0.5": (3, 5),  # of 6 x 9
        "res1@0.75": (5, 7),  # of 9 x 13
    }
    small = F.interpolate(images, (6, 9), mode="bilinear", align_corners=False)
    assert torch.equal(maps["res1@0.5"], small[..., ::2, ::2])

    by_size = by_scale(maps)
    assert [list(scale) for scale in by_size] == [["res1"]] * 3
    assert [tuple(scale["res1"].shape[2:]) for scale in by_size] == [(3, 5), (5, 7), (7, 9)]


def test_other_sizes_may_be_for_training_only():
    net = MultiScale(Halves(), [0.5], in_prediction=False)
    images = torch.rand(1, 3, 8, 8)
    assert list(net.train()(images)) == ["res1", "res1@0.5"]
    assert list(net.eval()(images)) == ["res1"]


def test_maps_of_one_size_are_left_alone():
    maps = {"res2": torch.zeros(1), "res3": torch.ones(1)}
    assert by_scale(maps) == [maps]


def test_scales_come_from_the_configuration():
    opts = ["MODEL.BACKBONE.NAME", "ConvNet", "MODEL.DEVICE", "cpu"]
    assert not isinstance(build_backbone(get_config(None, opts)), MultiScale)
    backbone = build_backbone(get_config(None, [*opts, "MODEL.BACKBONE.SCALES", "[0.5]"]))
    assert isinstance(backbone, MultiScale) and backbone.scales == (0.5,)
    assert not backbone.in_prediction  # only the image's own size is read
    opts += ["MODEL.BACKBONE.SCALES", "[0.5]", "MODEL.READOUT.MERGE", "max"]
    assert build_backbone(get_config(None, opts)).in_prediction
    assert list(backbone.output_shape()) == ["res2", "res3", "res4"]
