"""Small models in the layouts that others publish: names by the published tables, backwards."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

PIXELS, QUERIES = "sem_seg_head.pixel_decoder.", "sem_seg_head.predictor."

# Ours to theirs; every rule that matches is applied, in order.
RULES = [
    (r"grouping\.pixel_decoder\.(?:fpn\.)?lateral\.(\d)", rf"{PIXELS}adapter_#\1"),
    (r"grouping\.pixel_decoder\.(?:fpn\.)?output\.(\d)", rf"{PIXELS}layer_#\1"),
    (r"grouping\.pixel_decoder\.(?:fpn\.)?mask_features", rf"{PIXELS}mask_features"),
    (r"grouping\.pixel_decoder\.encoder\.level_embed", rf"{PIXELS}transformer.level_embed"),
    (r"grouping\.pixel_decoder\.encoder\.", rf"{PIXELS}transformer.encoder."),
    (r"grouping\.pixel_decoder\.", PIXELS),
    (r"(transformer\.\w+\.layers\.\d+\.)self_attention\.norm", r"\1norm1"),
    (r"(transformer\.encoder\.layers\.\d+\.)feed_forward\.norm", r"\1norm2"),
    (r"(transformer\.decoder\.layers\.\d+\.)cross_attention\.norm", r"\1norm2"),
    (r"(transformer\.decoder\.layers\.\d+\.)feed_forward\.norm", r"\1norm3"),
    (r"(transformer\.\w+\.layers\.\d+\.)self_attention\.attention", r"\1self_attn"),
    (r"(transformer\.\w+\.layers\.\d+\.)cross_attention\.attention", r"\1multihead_attn"),
    (r"(transformer\.\w+\.layers\.\d+\.)feed_forward\.linear", r"\1linear"),
    (
        r"grouping\.decoder\.layers\.(\d)\.self_attention\.(?:attention|(norm))",
        lambda m: f"{QUERIES}transformer_self_attention_layers.{m[1]}.{m[2] or 'self_attn'}",
    ),
    (
        r"grouping\.decoder\.layers\.(\d)\.cross_attention\.(?:attention|(norm))",
        lambda m: f"{QUERIES}transformer_cross_attention_layers.{m[1]}.{m[2] or 'multihead_attn'}",
    ),
    (r"grouping\.decoder\.layers\.(\d)\.feed_forward", rf"{QUERIES}transformer_ffn_layers.\1"),
    (r"grouping\.decoder\.norm\.", rf"{QUERIES}decoder_norm."),
    (
        r"grouping\.decoder\.mask_head\.mlp\.(\d)",
        lambda m: f"{QUERIES}mask_embed.layers.{int(m[1]) // 2}",
    ),
    (r"grouping\.decoder\.", QUERIES),
    (r"naming\.projection\.0\.", rf"{QUERIES}projection_layer."),
    (r"naming\.void", rf"{QUERIES}bg_feature"),
    (r"naming\.linear\.", rf"{QUERIES}class_embed."),
    (r"naming\.", QUERIES),
    (r"text\.encoder\.model\.", rf"{QUERIES}clip_model."),
    (r"_#(\d)", lambda m: f"_{int(m[1]) + 1}"),
]


def published(model: nn.Module, *, with_clip: bool, first_version: bool = False) -> dict[str, Any]:
    """
    The state of a model under published names, with what published files have beside it.

    Args:
        with_clip: as in evaluation checkpoints of ZegFormer.
        first_version: names of MaskFormer's and Mask2Former's first releases.
    """
    state: dict[str, Tensor] = {"criterion.empty_weight": torch.ones(3)}
    for key, value in model.state_dict().items():
        if not with_clip and key.startswith("text."):
            continue
        for pattern, by in RULES:
            key = re.sub(pattern, by, key)
        if first_version:
            key = key.replace(PIXELS, "sem_seg_head.").replace("query_feat", "static_query")
        state[key] = value
        if key.endswith("relative_position_bias_table"):
            table = key.replace("bias_table", "index")
            state[table] = torch.zeros(9, 9, dtype=torch.int64)
    return state
