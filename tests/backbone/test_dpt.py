import pytest
import timm
import torch

from zs3.backbone import DPT, ViT, load_backbone_weights
from zs3.backbone.vit import bilinear, dino_bicubic
from zs3.config import get_config

NAMES = ("res2", "res3", "res4", "res5")


def vit(depth: int = 4, **options) -> ViT:
    return ViT(dim=12, heads=2, patch=16, depth=depth, image_size=64, **options)


def dpt(**options) -> DPT:
    return DPT(vit=vit(), taps=(0, 1, 2, 3), channels=(5, 6, 7, 8), **options)


@pytest.mark.parametrize("readout", ["project", "add", "ignore"])
def test_four_maps_of_the_strides_they_say(readout):
    maps = dpt(readout=readout)(torch.randn(2, 3, 64, 96))
    assert {name: x.shape for name, x in maps.items()} == {
        "res2": (2, 5, 16, 24),
        "res3": (2, 6, 8, 12),
        "res4": (2, 7, 4, 6),
        "res5": (2, 8, 2, 3),
    }
    shapes = dpt().output_shape()
    assert [shapes[name].stride for name in NAMES] == [4, 8, 16, 32]
    assert [shapes[name].channels for name in NAMES] == [5, 6, 7, 8]


def test_only_what_is_read_is_built():
    options = ["MODEL.DPT.OUT_FEATURES", "['res3']", "MODEL.DPT.DIM", "12", "MODEL.DPT.HEADS", "2"]
    options += ["MODEL.DPT.TAPS", "[0, 2, 4, 6]", "MODEL.BACKBONE.NAME", "DPT"]
    from zs3.backbone import build_backbone

    backbone = build_backbone(get_config(opts=options))
    assert len(backbone.vit.blocks) == 3 and list(backbone.reassemble) == ["res3"]
    assert not hasattr(backbone.vit, "norm")


def test_the_class_token_is_read_out_or_not():
    torch.manual_seed(0)
    tokens = torch.randn(1, 5, 12)
    other = tokens.clone()
    other[:, 0] += 1
    for readout, matters in (("project", True), ("add", True), ("ignore", False)):
        reassemble = dpt(readout=readout).reassemble["res3"]
        changed = not torch.equal(reassemble(tokens, (2, 2)), reassemble(other, (2, 2)))
        assert changed == matters


def test_positions_keep_the_trained_grid_and_the_class_token():
    for resize in (bilinear, dino_bicubic):
        net = vit(resize_positions=resize)
        torch.testing.assert_close(net.positions((4, 4)), net.pos_embed)
        other = net.positions((3, 7))
        assert other.shape == (1, 22, 12) and torch.equal(other[:, 0], net.pos_embed[:, 0])


def test_keys_are_the_second_third_of_the_last_blocks_projection():
    net = vit(depth=1).eval()
    images = torch.randn(1, 3, 32, 32)
    block = net.blocks[0]
    expected = block.attn.qkv(block.norm1(net.tokens(images)))[..., 12:24]
    assert torch.equal(net.keys(images), expected)


def test_refusals():
    with pytest.raises(ValueError, match=r"cannot take images of 40 x 64; set INPUT.SIZE"):
        dpt()(torch.zeros(1, 3, 40, 64))
    with pytest.raises(ValueError, match="no readout is called 'sum'; there are project, add"):
        dpt(readout="sum")
    with pytest.raises(ValueError, match=r"out_features is \['res6'\]; expected some of"):
        dpt(out_features=["res6"])
    with pytest.raises(ValueError, match=r"taps \[1, 2\] and channels \[1, 2\] need one entry"):
        DPT(vit=vit(), taps=(1, 2), channels=(1, 2))


def test_weights_of_timms_vit_start_it(tmp_path):
    source = timm.models.VisionTransformer(
        img_size=64, patch_size=16, embed_dim=12, depth=5, num_heads=2, num_classes=3
    )
    torch.save(source.state_dict(), tmp_path / "vit.pth")
    backbone = dpt()
    spare = load_backbone_weights(backbone, tmp_path / "vit.pth")
    assert torch.equal(backbone.vit.pos_embed, source.pos_embed)
    assert {key.split(".")[0] for key in spare} == {"vit", "norm", "head"}
    assert all(key.startswith("vit.blocks.4.") for key in spare if key.startswith("vit."))
