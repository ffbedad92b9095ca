"""
Checkpoints of ZegFormer, MaskFormer and Mask2Former: names of the heads' tensors.

The backbone's are the same on both sides.
"""

from __future__ import annotations

from torch import Tensor

from . import swin
from .key_map import Rule, drop, rename

_PIXELS = r"sem_seg_head\.pixel_decoder\."
_QUERIES = r"sem_seg_head\.predictor\."

DROPPED: tuple[Rule, ...] = (
    (r"criterion\.", "class weights of the loss, which MODEL.CRITERION sets"),
    *swin.TABLES,
)

# First versions of MaskFormer and Mask2Former had no name for the pixel decoder.
_UNNAMED_PIXEL_DECODER: list[Rule] = [
    (
        r"sem_seg_head\.(?!predictor\.|projection_layer\.|logit_scale$)",
        "sem_seg_head.pixel_decoder.",
    )
]

_PARTS: list[Rule] = [
    (rf"{_PIXELS}transformer\.(?:encoder\.)?", "grouping.pixel_decoder.encoder."),
    (rf"{_PIXELS}input_proj\.", "grouping.pixel_decoder.input_proj."),
    # Of evaluation: the CLIP that the second look and the names share.
    (rf"{_QUERIES}clip_model\.", "text.encoder.model."),
    # The per-pixel baseline keeps its classifier in the head itself.
    (rf"(?:{_QUERIES}|sem_seg_head\.)projection_layer\.", "naming.projection.0."),
    (rf"(?:{_QUERIES}|sem_seg_head\.)logit_scale$", "naming.logit_scale"),
    (rf"{_QUERIES}bg_feature$", "naming.void"),
    (rf"{_QUERIES}class_embed\.", "naming.linear."),
    (rf"{_QUERIES}mask_embed\.layers\.0\.", "grouping.decoder.mask_head.mlp.0."),
    (rf"{_QUERIES}mask_embed\.layers\.1\.", "grouping.decoder.mask_head.mlp.2."),
    (rf"{_QUERIES}mask_embed\.layers\.2\.", "grouping.decoder.mask_head.mlp.4."),
    (rf"{_QUERIES}decoder_norm\.", "grouping.decoder.norm."),
    (rf"{_QUERIES}static_query\.", "grouping.decoder.query_feat."),
    (
        rf"{_QUERIES}transformer_(self|cross)_attention_layers\.(\d+)\.(?:self|multihead)_attn\.",
        r"grouping.decoder.layers.\2.\1_attention.attention.",
    ),
    (
        rf"{_QUERIES}transformer_(self|cross)_attention_layers\.(\d+)\.norm\.",
        r"grouping.decoder.layers.\2.\1_attention.norm.",
    ),
    (
        rf"{_QUERIES}transformer_ffn_layers\.(\d+)\.",
        r"grouping.decoder.layers.\1.feed_forward.",
    ),
    (_QUERIES, "grouping.decoder."),
]

# DETR's layers hold attention, perceptron and norms side by side; ours are blocks with a norm each.
_BLOCKS: list[Rule] = [
    (r"(grouping\..*coder\.layers\.\d+\.)self_attn\.", r"\1self_attention.attention."),
    (r"(grouping\..*coder\.layers\.\d+\.)multihead_attn\.", r"\1cross_attention.attention."),
    (r"(grouping\..*coder\.layers\.\d+\.)linear", r"\1feed_forward.linear"),
    (r"(grouping\..*coder\.layers\.\d+\.)norm1\.", r"\1self_attention.norm."),
    (r"(grouping\..*encoder\.layers\.\d+\.)norm2\.", r"\1feed_forward.norm."),
    (r"(grouping\..*decoder\.layers\.\d+\.)norm2\.", r"\1cross_attention.norm."),
    (r"(grouping\..*decoder\.layers\.\d+\.)norm3\.", r"\1feed_forward.norm."),
]


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    Args:
        state: a published model, under its own names or those of a first version.

    Returns:
        dict[str, Tensor]: the same tensors as a `ZeroShotSegmentor` calls them, without `DROPPED`.
    """
    state, _ = drop(state, DROPPED)
    if not any(key.startswith("sem_seg_head.pixel_decoder.") for key in state):
        state = rename(state, _UNNAMED_PIXEL_DECODER)
    # Only a transformer encoder has a projection in front, and its pyramid is a part of its own.
    encodes = "sem_seg_head.pixel_decoder.input_proj.weight" in state
    pyramid = f"grouping.pixel_decoder.{'fpn.' if encodes else ''}"
    state = rename(rename(state, _PARTS + _pyramid(pyramid)), _BLOCKS)
    if "naming.projection.0.weight" in state:
        # The per-pixel baseline projects with a 1x1 convolution.
        state["naming.projection.0.weight"] = state["naming.projection.0.weight"].flatten(1)
    return state


def _pyramid(prefix: str) -> list[Rule]:
    """Rules for the FPN, whose levels are counted from 1 by the originals."""
    levels = [
        (rf"{_PIXELS}{theirs}_{level}\.", f"{prefix}{ours}.{level - 1}.")
        for theirs, ours in (("adapter", "lateral"), ("layer", "output"))
        for level in range(1, 10)
    ]
    return [*levels, (_PIXELS, prefix)]
