"""
Checkpoints of CAT-Seg: names of its tensors in v2 (CVPR 2024), v1 (arXiv 2023) and the
mmsegmentation port.

The port's names are first turned into those of v1. v1 and the port have a second tower beside CLIP
(`backbone.` there), v2 has not.
"""

from __future__ import annotations

import re

from torch import Tensor

from . import resnet, swin
from .key_map import Rule, drop, rename

_HEAD = r"sem_seg_head\.predictor\."
_COST = rf"{_HEAD}transformer\."
_LAYER = rf"{_COST}layers\.(\d+)\."

DROPPED: tuple[Rule, ...] = (
    (r".*\.block_\d\.attn_mask$|.*\.relative_position_index$", "a table that is computed"),
    *swin.TABLES,
)

_RULES: tuple[Rule, ...] = (
    (rf"{_HEAD}clip_model\.", "text.encoder.model."),
    (r"backbone\.", "backbone.appearance."),
    (r"upsample1\.", "aggregation.decoder_guidance.0.upsample."),
    (r"upsample2\.", "aggregation.decoder_guidance.1.upsample."),
    (rf"{_COST}conv1\.", "aggregation.embedding."),
    (rf"{_COST}guidance_projection\.0\.", "aggregation.appearance.projection."),
    (rf"{_COST}text_guidance_projection\.0\.", "aggregation.text_guidance.0."),
    (
        rf"{_COST}decoder_guidance_projection\.(\d)\.0\.",
        r"aggregation.decoder_guidance.\1.projection.",
    ),
    *(
        (rf"{_LAYER}swin_block\.block_{i + 1}\.", rf"aggregation.layers.\1.spatial.blocks.{i}.")
        for i in range(2)
    ),
    (rf"{_LAYER}swin_block\.", r"aggregation.layers.\1.spatial."),
    (rf"{_LAYER}attention\.attention\.", r"aggregation.layers.\1.classes."),
    (rf"{_LAYER}attention\.MLP\.", r"aggregation.layers.\1.classes.mlp."),
    (rf"{_LAYER}attention\.", r"aggregation.layers.\1.classes."),
    *(
        (rf"{_COST}decoder{i + 1}\.{theirs}\.", f"aggregation.decoder.blocks.{i}.{ours}.")
        for i in range(2)
        for theirs, ours in (("up", "up"), (r"conv\.double_conv", "conv"))
    ),
    (rf"{_COST}head\.", "aggregation.decoder.head."),
)

_V1 = "sem_seg_head.predictor.transformer."
_PORT_LAYER = r"neck\.layers\.(\d+)\."
_PORT: tuple[Rule, ...] = (
    (r"backbone\.clip_model\.", "sem_seg_head.predictor.clip_model."),
    (
        rf"{_PORT_LAYER}spatial_agg\.(block_\d)\.attn\.w_msa\.",
        rf"{_V1}layers.\1.swin_block.\2.attn.",
    ),
    (
        rf"{_PORT_LAYER}spatial_agg\.(block_\d)\.ffn\.layers\.0\.0\.",
        rf"{_V1}layers.\1.swin_block.\2.mlp.fc1.",
    ),
    (
        rf"{_PORT_LAYER}spatial_agg\.(block_\d)\.ffn\.layers\.1\.",
        rf"{_V1}layers.\1.swin_block.\2.mlp.fc2.",
    ),
    (rf"{_PORT_LAYER}spatial_agg\.", rf"{_V1}layers.\1.swin_block."),
    (rf"{_PORT_LAYER}class_agg\.MLP\.layers\.0\.0\.", rf"{_V1}layers.\1.attention.MLP.0."),
    (rf"{_PORT_LAYER}class_agg\.MLP\.layers\.1\.", rf"{_V1}layers.\1.attention.MLP.2."),
    (rf"{_PORT_LAYER}class_agg\.", rf"{_V1}layers.\1.attention."),
    (r"neck\.", _V1),
    *(
        (rf"decode_head\.(decoder\d)\.{theirs}\.", rf"{_V1}\1.conv.double_conv.{number}.")
        for theirs, number in (
            (r"conv1\.conv", 0),
            (r"conv1\.gn", 1),
            (r"conv2\.conv", 3),
            (r"conv2\.gn", 4),
        )
    ),
    (r"decode_head\.conv_seg\.", f"{_V1}head."),
    (r"decode_head\.", _V1),
)
_EXTRACTOR = "backbone.feature_extractor."
# Queries and keys of a spatial block as one.
_FUSED = re.compile(r"(neck\.layers\.\d+\.spatial_agg\.block_\d\.attn\.w_msa\.)qk\.(weight|bias)$")


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    Args:
        state: a published model, under its own names.

    Returns:
        dict[str, Tensor]: the same tensors as a `ZeroShotSegmentor` calls them, without `DROPPED`.
    """
    state, _ = drop(_from_port(state), DROPPED)
    two_towers = any(key.startswith("backbone.") for key in state)
    visual = "backbone.clip.visual." if two_towers else "backbone.visual."
    return rename(state, [(rf"{_HEAD}clip_model\.visual\.", visual), *_RULES])


def _from_port(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of v1; a state that has them already is kept."""
    apart: dict[str, Tensor] = {}
    for key, value in state.items():
        if match := _FUSED.match(key):
            queries, keys = value.chunk(2)
            apart |= {f"{match[1]}q.{match[2]}": queries, f"{match[1]}k.{match[2]}": keys}
        else:
            apart[key] = value
    extractor = {
        key.removeprefix(_EXTRACTOR): value
        for key, value in apart.items()
        if key.startswith(_EXTRACTOR)
    }
    is_swin = any(key.startswith("stages.") for key in extractor)
    extractor = swin.convert(extractor) if is_swin else resnet.convert(extractor)
    rest = {key: value for key, value in apart.items() if not key.startswith(_EXTRACTOR)}
    return rename(rest, _PORT) | {f"backbone.{key}": value for key, value in extractor.items()}
