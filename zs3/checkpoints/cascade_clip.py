"""
Checkpoints of Cascade-CLIP and ZegCLIP (mmsegmentation's layout) -> our names.

The last layer of a decoder only gives attention logits, so what the originals have behind those is
left out, as are the parts that none of their layers ever uses.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from .clip import IMAGE
from .key_map import Rule, drop, rename

# CLIP's, ln 100: the originals leave it out, and a text encoder alone makes nothing of it.
_LOGIT_SCALE = torch.tensor(100.0).log()
_DECODERS = r"decode_head\.(?:cascade_decoders\.(\d+)|decoder_1)\."
_TEXT = "text_encoder.text_projection"
_PUBLISHED_LAYERS = 3


def _unused(layers: int) -> tuple[Rule, ...]:
    """What has no influence in decoders of so many layers."""
    behind_logits = r"multihead_attn\.(?:v|proj)\.|linear\d\.|norm\d\."
    return (
        (r"decode_head\.loss_decode\.", "class weights that no loss reads"),
        (rf"{_DECODERS}layers\.\d+\.(?:self_attn|norm1)\.", "self-attention that is skipped"),
        (rf"{_DECODERS}layers\.{layers - 1}\.(?:{behind_logits})", "what follows the last logits"),
    )


DROPPED = _unused(_PUBLISHED_LAYERS)

_RULES: list[Rule] = [
    (rf"backbone\.(?={IMAGE})", "backbone.tower.visual."),
    (r"backbone\.prompt_embeddings$", "backbone.prompts"),
    (r"backbone\.deep_prompt_embeddings$", "backbone.deep_prompts"),
    (r"backbone\.prompt_proj\.", "backbone.prompt_projection."),
    (r"backbone\.ln_layers\.", "backbone.level_norms."),
    (r"backbone\.proj_layers$", "backbone.level_projections"),
    (r"text_encoder\.", "text.encoder.model."),
    (r"decode_head\.q_projs\.", "naming.queries."),
    # ZegCLIP's one decoder is a cascade of a single stage.
    (r"decode_head\.q_proj\.", "naming.queries.0."),
    (r"decode_head\.cascade_decoders\.", "naming.decoders."),
    (r"decode_head\.decoder_1\.", "naming.decoders.0."),
    *(
        (rf"decode_head\.weights_s{stage + 1}$", f"naming.aggregation.weights.{stage}")
        for stage in range(9)
    ),
]
_LAYER = r"(naming\.decoders\.\d+\.(?:layers\.\d+|logits)\.)"
_PARTS: list[Rule] = [
    (rf"{_LAYER}multihead_attn\.q\.", r"\1query."),
    (rf"{_LAYER}multihead_attn\.k\.", r"\1key."),
    (rf"{_LAYER}multihead_attn\.v\.", r"\1value."),
    (rf"{_LAYER}multihead_attn\.proj\.", r"\1out."),
    (rf"{_LAYER}linear", r"\1feed_forward.linear"),
    (rf"{_LAYER}norm2\.", r"\1norm."),
    (rf"{_LAYER}norm3\.", r"\1feed_forward.norm."),
]


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    Args:
        state: a published model, or whole parts of one, under its own names.

    Returns:
        dict[str, Tensor]: the same tensors as a `ZeroShotSegmentor` calls them, without those that
        have no influence; a text encoder gets the scale that CLIP has beside it.
    """
    scale = {"text.encoder.model.logit_scale": _LOGIT_SCALE} if _TEXT in state else {}
    numbers = [match[2] for key in state if (match := re.match(rf"{_DECODERS}layers\.(\d+)", key))]
    layers = max(map(int, numbers), default=0) + 1
    state, _ = drop(state, _unused(layers))
    last: Rule = (rf"(naming\.decoders\.\d+\.)layers\.{layers - 1}\.", r"\1logits.")
    return rename(rename(rename(state, _RULES), [last]), _PARTS) | scale
