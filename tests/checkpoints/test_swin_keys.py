"""Every published layout of a Swin, made from one network's own state, becomes that state again."""

from __future__ import annotations

import re

import pytest
import torch
from torch.nn import functional as F

from zs3.backbone import Swin
from zs3.checkpoints.swin import convert


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    own = Swin(embed_dim=6, depths=(1, 2, 1), heads=(1, 2, 3), window=3, out_features=["res4"])
    return {key: torch.rand_like(value) for key, value in own.state_dict().items()}


def detectors(state):
    """Also Microsoft's, beside its classifier."""
    tables = {f"layers.{i}.blocks.0.attn.relative_position_index": torch.ones(9, 9) for i in (0, 1)}
    return {**state, **tables, "layers.1.blocks.1.attn_mask": torch.ones(4, 9, 9)}


def timms(state):
    return {re.sub(r"layers\.(\d)\.downsample", _next_stage, key): v for key, v in state.items()}


def _next_stage(match):
    return f"layers.{int(match[1]) + 1}.downsample"


def mmsegs(state):
    renamed = {}
    for key, value in state.items():
        key = key.replace("layers.", "stages.").replace(
            "patch_embed.proj", "patch_embed.projection"
        )
        key = key.replace(".attn.", ".attn.w_msa.").replace("mlp.fc1", "ffn.layers.0.0")
        if "downsample" in key:  # (column, row, channel) -> (channel, row, column)
            value = value.unflatten(-1, (2, 2, -1)).transpose(-1, -3).flatten(-3)
        renamed[key.replace("mlp.fc2", "ffn.layers.1")] = value
    renamed["stages.0.blocks.0.attn.w_msa.relative_position_index"] = torch.ones(9, 9)
    return renamed


@pytest.mark.parametrize("layout", [dict, detectors, timms, mmsegs])
def test_every_layout_becomes_ours(state, layout):
    converted = convert(layout(state))
    assert converted.keys() == state.keys()
    assert all(torch.equal(converted[key], value) for key, value in state.items())


def test_a_classifier_stays():
    beside = {"norm.weight": torch.ones(1), "head.weight": torch.ones(1)}
    assert convert(beside) == beside


def test_mmsegmentations_merging_gives_the_same_maps(state):
    """It cuts 2x2 patches out with `unfold`, norms and reduces them."""
    theirs = {k.removeprefix("stages.0.downsample."): v for k, v in mmsegs(state).items()}
    x = torch.randn(2, 4, 8, 6)
    patches = F.unfold(x.permute(0, 3, 1, 2), 2, stride=2).transpose(1, 2)  # (B, h w / 4, 4 C)
    normed = F.layer_norm(patches, (24,), theirs["norm.weight"], theirs["norm.bias"])
    expected = (normed @ theirs["reduction.weight"].mT).unflatten(1, (2, 4))

    ours = Swin(embed_dim=6, depths=(1, 1), heads=(1, 1), window=3, out_features=["res3"])
    merging = ours.layers[0].downsample
    own = {k: v for k, v in convert(mmsegs(state)).items() if k.startswith("layers.0.downsample.")}
    merging.load_state_dict({k.removeprefix("layers.0.downsample."): v for k, v in own.items()})
    with torch.no_grad():
        torch.testing.assert_close(merging(x), expected)
