"""Two towers: each sees the images in its own way; weights of one; refusals."""

from __future__ import annotations

import pytest
import torch
from open_clip.transformer import VisionTransformer
from safetensors.torch import save_file
from torch.nn import functional as F

from zs3.backbone import ClipVisual, ConvNet, ResNet, Towers, build_backbone, load_backbone_weights
from zs3.backbone.resnet import Stem, make_stages
from zs3.config import get_config
from zs3.images import ImageBatch


def clip(**options) -> ClipVisual:
    torch.manual_seed(0)
    visual = VisionTransformer(
        image_size=16, patch_size=4, width=16, layers=2, heads=2, mlp_ratio=2.0, output_dim=6
    )
    return ClipVisual(visual=visual, dense="value_block", **options).eval()


def small_resnet() -> ResNet:
    stages = make_stages(18, norm="BN", stem_channels=8, res2_channels=8)
    return ResNet(stem=Stem(3, 8, norm="BN"), stages=stages[:2], out_features=("res2", "res3"))


@torch.no_grad()
def test_each_tower_gets_its_own_channels_and_size() -> None:
    towers = Towers(clip=clip(image_size=24), appearance=small_resnet(), image_size=32).eval()
    first, second = torch.randn(2, 3, 20, 28), torch.randn(2, 3, 20, 28)
    got = towers(torch.cat([first, second], dim=1))
    assert list(got) == ["clip", "res2", "res3"] == list(towers.output_shape())
    squashed = F.interpolate(first, (24, 24), mode="bilinear")
    torch.testing.assert_close(got["clip"], clip().features(squashed).patches)
    assert got["clip"].shape[2:] == (6, 6) and got["res2"].shape[2:] == (8, 8)
    torch.testing.assert_close(
        got["res3"], towers.appearance(F.interpolate(second, (32, 32), mode="bilinear"))["res3"]
    )


def test_images_are_normalised_for_each_tower_and_padded_with_zeros() -> None:
    image = torch.full((3, 2, 3), 100.0)
    mean = torch.tensor([100.0, 90.0, 80.0, 70.0, 60.0, 50.0]).view(6, 1, 1)
    got = ImageBatch((image,), 4).normalised(mean, torch.full((6, 1, 1), 10.0))
    assert got.shape == (1, 6, 4, 4)
    assert got[0, :, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert got[0, :, :, 3].abs().sum() == 0


def test_weights_of_a_backbone_are_the_second_towers(tmp_path) -> None:
    towers, other = Towers(clip=clip(), appearance=small_resnet()), small_resnet()
    file = tmp_path / "resnet.safetensors"
    save_file(other.state_dict(), file)
    before = towers.clip.visual.proj.clone()
    load_backbone_weights(towers, file)
    torch.testing.assert_close(towers.appearance.state_dict(), other.state_dict())
    assert torch.equal(towers.clip.visual.proj, before)


SHAPES_TOWERS = ["MODEL.BACKBONE.NAME", "Towers", "MODEL.TOWERS.APPEARANCE", "ConvNet"]
SHAPES_TOWERS += ["MODEL.CLIP.NAME", "shapes_clip", "MODEL.CLIP.PRETRAINED", ""]


def test_from_a_configuration() -> None:
    statistics = ["MODEL.PIXEL_MEAN", str([0.0] * 6), "MODEL.PIXEL_STD", str([1.0] * 6)]
    towers = build_backbone(get_config(None, [*SHAPES_TOWERS, *statistics]))
    assert isinstance(towers, Towers) and isinstance(towers.appearance, ConvNet)
    assert towers.appearance.output_shape().keys() < towers.output_shape().keys()


def test_statistics_of_one_tower_are_refused() -> None:
    with pytest.raises(ValueError, match=r"six numbers in MODEL\.PIXEL_MEAN .* there are 3 and 3"):
        build_backbone(get_config(None, SHAPES_TOWERS))
