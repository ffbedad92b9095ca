"""
Whole published CAT-Seg checkpoints, by their keys and shapes, against models built from YAML.

The tables are written out from what is published about the files; nothing is allocated.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zs3.checkpoints.families import family_of
from zs3.config import get_config
from zs3.engine.weights import Fit
from zs3.segmentor import ZeroShotSegmentor

CONFIGS = Path(__file__).parents[2] / "configs" / "cat_seg"
HEAD = "sem_seg_head.predictor."
Shapes = dict[str, tuple[int, ...]]


def both(name: str, *shape: int) -> Shapes:
    """A weight of this shape, and a bias of its first axis."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def blocks(prefix: str, width: int, layers: int, mlp: int, split: bool) -> Shapes:
    shapes: Shapes = {}
    for i in range(layers):
        name = f"{prefix}transformer.resblocks.{i}."
        shapes |= both(f"{name}ln_1", width) | both(f"{name}ln_2", width)
        shapes |= both(f"{name}attn.out_proj", width, width)
        shapes |= both(f"{name}mlp.c_fc", mlp, width) | both(f"{name}mlp.c_proj", width, mlp)
        shapes[f"{name}attn.in_proj_bias"] = (3 * width,)
        if split:
            shapes |= {f"{name}attn.{part}_proj_weight": (width, width) for part in "qkv"}
        else:
            shapes[f"{name}attn.in_proj_weight"] = (3 * width, width)
    return shapes


def clip(
    prefix: str,
    *,
    joint: int,
    patch: int,
    positions: int,
    vision: tuple[int, int, int],
    text: tuple[int, int],
    split: bool,
) -> Shapes:
    """`vision` is (width, layers, perceptron's width), `text` (width, layers)."""
    width = vision[0]
    visual = f"{prefix}visual."
    return {
        f"{visual}conv1.weight": (width, 3, patch, patch),
        f"{visual}class_embedding": (width,),
        f"{visual}positional_embedding": (positions, width),
        f"{visual}proj": (width, joint),
        **both(f"{visual}ln_pre", width),
        **both(f"{visual}ln_post", width),
        **blocks(visual, *vision, split),
        f"{prefix}positional_embedding": (77, text[0]),
        f"{prefix}text_projection": (text[0], joint),
        f"{prefix}token_embedding.weight": (49408, text[0]),
        f"{prefix}logit_scale": (),
        **both(f"{prefix}ln_final", text[0]),
        **blocks(prefix, *text, 4 * text[0], split),
    }


def aggregator(*, joint: int, templates: int, guidance: tuple[int, int, int], v2: bool) -> Shapes:
    name = f"{HEAD}transformer."
    shapes: Shapes = {
        **both(f"{name}conv1", 128, templates, 7, 7),
        **both(f"{name}guidance_projection.0", 128, guidance[0], 3, 3),
        **both(f"{name}text_guidance_projection.0", 128, joint),
        **both(f"{name}decoder_guidance_projection.0.0", 32, guidance[1], 3, 3),
        **both(f"{name}decoder_guidance_projection.1.0", 16, guidance[2], 3, 3),
        **both(f"{name}head", 1, 32, 3, 3),
    }
    for number, before, up, after in ((1, 128, 96, 64), (2, 64, 48, 32)):
        block = f"{name}decoder{number}."
        shapes |= {f"{block}up.weight": (before, up, 2, 2), f"{block}up.bias": (up,)}
        shapes[f"{block}conv.double_conv.0.weight"] = (after, before, 3, 3)
        shapes[f"{block}conv.double_conv.3.weight"] = (after, after, 3, 3)
        shapes |= both(f"{block}conv.double_conv.1", after)
        shapes |= both(f"{block}conv.double_conv.4", after)
    for i in range(2):
        layer = f"{name}layers.{i}."
        for j in (1, 2):
            block = f"{layer}swin_block.block_{j}."
            shapes |= both(f"{block}norm1", 128) | both(f"{block}norm2", 128)
            for part, width in (("q", 256), ("k", 256), ("v", 128), ("proj", 128)):
                shapes |= both(f"{block}attn.{part}", 128, width)
            shapes |= both(f"{block}mlp.fc1", 512, 128) | both(f"{block}mlp.fc2", 128, 512)
        shapes[f"{layer}swin_block.block_2.attn_mask"] = (4, 144, 144)
        shapes |= both(f"{layer}swin_block.guidance_norm", 128)
        if v2:
            shapes[f"{layer}attention.padding_tokens"] = (1, 1, 128)
            shapes[f"{layer}attention.padding_guidance"] = (1, 1, 128)
        for part, width in (("q", 256), ("k", 256), ("v", 128)):
            shapes |= both(f"{layer}attention.attention.{part}", 128, width)
        shapes |= both(f"{layer}attention.MLP.0", 512, 128)
        shapes |= both(f"{layer}attention.MLP.2", 128, 512)
        shapes |= both(f"{layer}attention.norm1", 128) | both(f"{layer}attention.norm2", 128)
    return shapes


def resnet101() -> Shapes:
    def normed(name: str, *shape: int) -> Shapes:
        parts = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.weight": shape} | {f"{name}.norm.{part}": shape[:1] for part in parts}

    shapes, channels = normed("backbone.stem.conv1", 64, 3, 7, 7), 64
    for stage, count, width in ((2, 3, 64), (3, 4, 128), (4, 23, 256)):
        for j in range(count):
            name = f"backbone.res{stage}.{j}."
            shapes |= normed(f"{name}conv1", width, channels, 1, 1)
            shapes |= normed(f"{name}conv2", width, width, 3, 3)
            shapes |= normed(f"{name}conv3", 4 * width, width, 1, 1)
            if not j:
                shapes |= normed(f"{name}shortcut", 4 * width, channels, 1, 1)
            channels = 4 * width
    return shapes


def swin_base() -> Shapes:
    shapes = both("backbone.patch_embed.proj", 128, 3, 4, 4) | both(
        "backbone.patch_embed.norm", 128
    )
    for i, (count, heads) in enumerate(((2, 4), (2, 8), (18, 16))):
        dim = 128 * 2**i
        for j in range(count):
            name = f"backbone.layers.{i}.blocks.{j}."
            shapes |= both(f"{name}norm1", dim) | both(f"{name}norm2", dim)
            shapes[f"{name}attn.relative_position_bias_table"] = (529, heads)
            shapes[f"{name}attn.relative_position_index"] = (144, 144)
            shapes |= both(f"{name}attn.qkv", 3 * dim, dim) | both(f"{name}attn.proj", dim, dim)
            shapes |= both(f"{name}mlp.fc1", 4 * dim, dim) | both(f"{name}mlp.fc2", dim, 4 * dim)
        if i < 2:
            shapes |= both(f"backbone.layers.{i}.downsample.norm", 4 * dim)
            shapes[f"backbone.layers.{i}.downsample.reduction.weight"] = (2 * dim, 4 * dim)
        shapes |= both(f"backbone.norm{i}", dim)
    return shapes


B = {"joint": 512, "patch": 16, "positions": 197, "vision": (768, 12, 3072), "text": (512, 12)}
L = {"joint": 768, "patch": 14, "positions": 577, "vision": (1024, 24, 4096), "text": (768, 12)}
H = {"joint": 1024, "patch": 14, "positions": 577, "vision": (1280, 32, 5120), "text": (1024, 24)}
G = {"joint": 1280, "patch": 14, "positions": 577, "vision": (1664, 48, 8192), "text": (1280, 32)}
MODELS = {"b": B, "l": L, "h": H, "g": G}


def fit(name: str, shapes: Shapes) -> Fit:
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in shapes.items()}
        cfg = get_config(
            CONFIGS / f"{name}.yaml", ["MODEL.DEVICE", "cpu", "MODEL.CLIP.PRETRAINED", ""]
        )
        model = ZeroShotSegmentor(cfg)
    family = family_of(state)
    assert family is not None and family.name == "CAT-Seg"
    return Fit.of(model, family.convert(state))


@pytest.mark.parametrize("size", ["b", "l"])
def test_v2(size: str) -> None:
    sizes = MODELS[size]
    width = sizes["vision"][0]
    shapes = {
        "upsample1.weight": (width, 256, 2, 2),
        "upsample1.bias": (256,),
        "upsample2.weight": (width, 128, 4, 4),
        "upsample2.bias": (128,),
        **clip(f"{HEAD}clip_model.", split=True, **sizes),
        **aggregator(
            joint=sizes["joint"], templates=1, guidance=(sizes["joint"], 256, 128), v2=True
        ),
    }
    found = fit(f"v2_vit{size}", shapes)
    assert found.problems == []
    assert len(found.matched) == len(shapes) - 2  # the tables of the two shifted blocks


@pytest.mark.parametrize("size", ["b", "l", "h", "g"])
def test_v1(size: str) -> None:
    sizes, is_base = MODELS[size], size == "b"
    shapes = {
        **(resnet101() if is_base else swin_base()),
        **clip(f"{HEAD}clip_model.", split=False, **sizes),
        **aggregator(
            joint=sizes["joint"],
            templates=80,
            guidance=(1024, 512, 256) if is_base else (512, 256, 128),
            v2=False,
        ),
    }
    found = fit(f"v1_vit{size}_{'r101' if is_base else 'swinb'}", shapes)
    assert found.problems == []
    tables = 2 if is_base else 2 + 22
    assert len(found.matched) == len(shapes) - tables
