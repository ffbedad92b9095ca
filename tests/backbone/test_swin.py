"""Swin: windows, shifts and merging by hand and against timm's network; sizes of the published."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from timm.models.swin_transformer import SwinTransformer
from torch import nn

from zs3.backbone import Swin, build_backbone
from zs3.backbone.swin import SwinBlock, shift_mask
from zs3.checkpoints.swin import convert
from zs3.config import get_config

CONFIGS = Path(__file__).parents[2] / "configs" / "backbone"
TINY = {"embed_dim": 8, "depths": (2, 1, 3), "heads": (2, 4, 4), "window": 4}


def randomised(network: nn.Module) -> nn.Module:
    """Also what starts as zero or one, so that nothing goes unnoticed."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network.eval()


@pytest.mark.parametrize(("height", "width"), [(64, 96), (37, 50), (1, 130)])
def test_any_size_gives_maps_rounded_up(height, width):
    network = Swin(**TINY, out_features=["res2", "res4"]).eval()
    with torch.no_grad():
        maps = network(torch.randn(2, 3, height, width))
    shapes = network.output_shape()
    assert list(maps) == list(shapes) == ["res2", "res4"]
    for name, channels, stride in (("res2", 8, 4), ("res4", 32, 16)):
        assert (shapes[name].channels, shapes[name].stride) == (channels, stride)
        assert maps[name].shape == (2, channels, -(-height // stride), -(-width // stride))


def test_cells_that_only_the_shift_brought_together_do_not_meet():
    """A 4x4 map in 2x2 windows, shifted by one: cells by the corner of the map they came from."""
    allowed = shift_mask((4, 4), 2, 1, torch.ones(1)) == 0
    together = torch.ones(4, 4, dtype=torch.bool)
    by_column = torch.tensor([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]).bool()
    by_row = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]).bool()
    assert torch.equal(allowed, torch.stack([together, by_column, by_row, torch.eye(4).bool()]))


@pytest.mark.parametrize(("shift", "rows"), [(0, (4, 8)), (2, (2, 6))])
def test_a_cell_reaches_its_window_only(shift, rows):
    options = {"mlp_ratio": 2.0, "qkv_bias": True, "drop_path": 0.0}
    block = randomised(SwinBlock(6, 2, window=4, shift=shift, **options))
    x = torch.randn(1, 11, 10, 6)
    changed = x.clone()
    changed[0, 5, 5, 0] += 1
    with torch.no_grad():
        reached = (block(x) - block(changed)).abs().amax((0, 3)) > 1e-6
    inside = torch.zeros(11, 10, dtype=torch.bool)
    inside[slice(*rows), slice(*rows)] = True
    assert torch.equal(reached, inside)


def test_where_no_window_is_padded_it_is_timms_network():
    """Through timm's names, whose merging belongs to the stage behind it."""
    theirs = randomised(
        SwinTransformer(
            img_size=64,
            num_classes=5,
            embed_dim=8,
            depths=(2, 1, 3),
            num_heads=(2, 4, 4),
            window_size=4,
            strict_img_size=False,
            always_partition=True,
        )
    )
    ours = randomised(Swin(**TINY, out_features=["res2", "res3", "res4"]))
    state = convert(theirs.state_dict())
    beside = {"norm.weight", "norm.bias", "head.fc.weight", "head.fc.bias"}
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert set(unexpected) == beside and all(key.startswith("norm") for key in missing)
    images = torch.randn(2, 3, 64, 128)
    with torch.no_grad():
        expected = theirs.forward_intermediates(images, intermediates_only=True)
        for i, (name, got) in enumerate(ours(images).items()):
            normed = getattr(ours, f"norm{i}")(expected[i].permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            torch.testing.assert_close(got, normed, msg=name)


def test_stages_behind_the_last_feature_are_dropped():
    keys = Swin(**TINY, out_features=["res3"]).state_dict().keys()
    assert {key.split(".")[0] for key in keys} == {"patch_embed", "layers", "norm1"}
    assert not any(key.startswith(("layers.1.downsample", "layers.2")) for key in keys)


def test_blocks_are_skipped_more_often_the_later_they_are():
    network = Swin(**TINY, drop_path=0.5, out_features=["res4"])
    rates = [block.drop_path.drop_prob for stage in network.layers for block in stage.blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": (2, 4)}, r"depths \[2, 1, 3\] and heads \[2, 4\] must have one number a stage"),
        ({"out_features": ["res5"]}, r"is \['res5'\]; expected some of \['res2', 'res3', 'res4'\]"),
        ({"out_features": []}, "expected some of"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        Swin(**{**TINY, **options})


@pytest.mark.parametrize(
    ("size", "millions"),
    [("tiny", 27.5), ("small", 48.8), ("base", 86.9), ("large", 195.2)],
)
def test_published_sizes(size, millions):
    """Parameters without classifier, as the papers of Swin and of its detectors count them."""
    with torch.device("meta"):
        network = build_backbone(get_config(CONFIGS / f"swin_{size}.yaml"))
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.05)
    assert list(network.output_shape()) == ["res2", "res3", "res4", "res5"]
