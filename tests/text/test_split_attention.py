"""Attention whose queries, keys and values have weights of their own."""

from __future__ import annotations

import torch

from zs3.checkpoints.clip import open_clip_state
from zs3.config import get_config
from zs3.text import build_clip
from zs3.text.clip import configured_clip
from zs3.text.split_attention import SplitAttention, split_attention

TINY = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 8, "patch_size": 4, "width": 8, "layers": 2, "head_width": 4},
    "text_cfg": {"vocab_size": 11, "width": 8, "heads": 2, "layers": 1, "context_length": 8},
}


@torch.no_grad()
def test_it_computes_the_same() -> None:
    model = build_clip(TINY)
    image, tokens = torch.randn(2, 3, 8, 8), torch.randint(0, 11, (3, 8))
    before = model.encode_image(image), model.encode_text(tokens)
    stacked = model.state_dict()
    split_attention(model)
    torch.testing.assert_close((model.encode_image(image), model.encode_text(tokens)), before)
    names = [name for name, _ in model.named_parameters() if "_proj_weight" in name]
    assert len(names) == 9 and not any("in_proj_weight" in name for name in names)
    restored = open_clip_state(model.state_dict())
    assert restored.keys() == stacked.keys()
    torch.testing.assert_close(restored, dict(stacked))


def test_each_gets_a_gradient_of_its_own() -> None:
    model = build_clip(TINY)
    split_attention(model)
    attention = model.transformer.resblocks[0].attn
    assert isinstance(attention, SplitAttention)
    attention.k_proj_weight.requires_grad_(False)
    model.encode_text(torch.randint(0, 11, (3, 8))).sum().backward()
    assert attention.q_proj_weight.grad.abs().sum() > 0
    assert attention.v_proj_weight.grad.abs().sum() > 0
    assert attention.k_proj_weight.grad is None


def test_a_configuration_asks_for_it() -> None:
    options = ["MODEL.CLIP.NAME", "shapes_clip", "MODEL.CLIP.PRETRAINED", ""]
    model, _ = configured_clip(get_config(None, [*options, "MODEL.CLIP.SPLIT_ATTENTION", "True"]))
    assert isinstance(model.visual.transformer.resblocks[0].attn, SplitAttention)
