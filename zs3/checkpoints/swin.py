"""
Names of Swin Transformers in published files, and what they are called in `zs3.backbone.swin`.

Four layouts. Detectors (MaskFormer, Mask2Former, CAT-Seg's first version) and Microsoft's ImageNet
files have our names, beside tables that are computed. timm counts the merging of patches to the
stage behind it. mmsegmentation (CAT-Seg's port) has names of its own, and merges patches channel by
channel instead of pixel by pixel.
"""

from __future__ import annotations

import re

from torch import Tensor

from .key_map import Rule, drop, rename

# Computed from the window's size.
TABLES: tuple[Rule, ...] = (
    (
        r"(backbone\.)?layers\.\d+\.blocks\.\d+\.(attn\.relative_position_index|attn_mask)$",
        "a table that is computed",
    ),
)
_MMSEG: tuple[Rule, ...] = (
    (r"patch_embed\.projection\.", "patch_embed.proj."),
    (r"stages\.(\d+\.blocks\.\d+\.)attn\.w_msa\.", r"layers.\1attn."),
    (r"stages\.(\d+\.blocks\.\d+\.)ffn\.layers\.0\.0\.", r"layers.\1mlp.fc1."),
    (r"stages\.(\d+\.blocks\.\d+\.)ffn\.layers\.1\.", r"layers.\1mlp.fc2."),
    (r"stages\.", "layers."),
)
_MERGING = re.compile(r"stages\.\d+\.downsample\.(norm|reduction)\.")
_TIMM: tuple[Rule, ...] = tuple(
    (rf"layers\.{stage}\.downsample\.", f"layers.{stage - 1}.downsample.") for stage in range(1, 10)
)


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    The state of a published Swin under our names, without tables. What is no part of the backbone
    stays.
    """
    state = {k: _by_pixel(v) if _MERGING.match(k) else v for k, v in state.items()}
    state, _ = drop(rename(state, _MMSEG), TABLES)
    # Only timm's first stage has nothing to merge.
    if "layers.0.downsample.reduction.weight" not in state:
        state = rename(state, _TIMM)
    return state


def _by_pixel(weight: Tensor) -> Tensor:
    """
    (..., 4 C) of a merging of 2x2 pixels, the last axis from (channel, row, column) to (column,
    row, channel).
    """
    return weight.unflatten(-1, (-1, 2, 2)).transpose(-1, -3).flatten(-3)
