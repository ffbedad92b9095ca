"""
CLIP weights as others store them -> the state dict of `open_clip.CLIP`.

OpenAI's own archives use open_clip's names already, plus three scalars. ZegFormer and CAT-Seg keep
the model under `sem_seg_head.predictor.clip_model.`; Cascade-CLIP and ZegCLIP (mmsegmentation)
split it into `backbone.` (the image tower, beside prompts that are no CLIP weights) and
`text_encoder.`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from .key_map import Rule, rename

IMAGE = r"(?:class_embedding|positional_embedding|proj)$|(?:conv1|ln_pre|ln_post|transformer)\."
_TEXT = r"(?:positional_embedding|text_projection)$|(?:token_embedding|ln_final|transformer)\."
RULES: tuple[Rule, ...] = (
    (r"sem_seg_head\.predictor\.clip_model\.", ""),
    (rf"backbone\.(?={IMAGE})", "visual."),
    (rf"text_encoder\.(?={_TEXT})", ""),
)
_CLIP_KEY = re.compile(rf"visual\.|logit_scale$|{_TEXT}")
# Scalars that only OpenAI's archives have, beside the weights.
_OPENAI_SCALARS = {"input_resolution", "context_length", "vocab_size"}


def is_openai(state: dict[str, Tensor]) -> bool:
    """Whether a state comes from one of OpenAI's archives, whose models have QuickGELU."""
    return state.keys() >= _OPENAI_SCALARS


def open_clip_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    The CLIP weights in a state of any of these layouts, under open_clip's names. Everything else is
    left out.

    Raises:
        ValueError: there are none.
    """
    renamed = rename(state, RULES)
    clip = _stacked({key: value for key, value in renamed.items() if _CLIP_KEY.match(key)})
    if not clip:
        raise ValueError(
            f"found no CLIP weights among {len(state)} tensors (such as "
            f"{next(iter(state), None)!r}); expected the layout of open_clip, OpenAI, ZegFormer or "
            "mmsegmentation."
        )
    return clip


def _stacked(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values that CAT-Seg v2 has apart as one tensor again."""
    stacked: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.endswith(".q_proj_weight"):
            block = key.removesuffix("q_proj_weight")
            parts = [value, state[f"{block}k_proj_weight"], state[f"{block}v_proj_weight"]]
            stacked[f"{block}in_proj_weight"] = torch.cat(parts)
        elif not key.endswith((".k_proj_weight", ".v_proj_weight")):
            stacked[key] = value
    return stacked


def clip_config_of(
    state: dict[str, Tensor], image_heads: int | None = None, text_heads: int | None = None
) -> dict[str, Any]:  # Any: numbers and nested dicts of them
    """
    The arguments of `open_clip.CLIP` that fit a state; "vision_cfg" or "text_cfg" is left out with
    its tower.

    Args:
        state: as `open_clip_state` returns it.
        image_heads, text_heads: attention heads, which weights do not tell; one for 64 channels if
            left out.

    Raises:
        ValueError: neither tower is there, or heads have to be given.
    """
    config: dict[str, Any] = {"quick_gelu": True}
    if "visual.layer1.0.conv1.weight" in state:
        grid = _side(state["visual.attnpool.positional_embedding"])
        config["embed_dim"] = state["visual.attnpool.c_proj.weight"].shape[0]
        config["vision_cfg"] = {
            "width": state["visual.layer1.0.conv1.weight"].shape[0],
            "layers": tuple(
                _count(state, rf"visual\.layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)
            ),
            "image_size": 32 * grid,
        }
    elif "visual.conv1.weight" in state:
        width, _, _, patch = state["visual.conv1.weight"].shape
        config["embed_dim"] = state["visual.proj"].shape[1]
        config["vision_cfg"] = {
            "width": width,
            "layers": _count(state, r"visual\.transformer\.resblocks\.(\d+)\."),
            "head_width": width // _heads("image_heads", image_heads, width),
            "patch_size": patch,
            "image_size": patch * _side(state["visual.positional_embedding"]),
        }
    if "token_embedding.weight" in state:
        vocab_size, width = state["token_embedding.weight"].shape
        config["embed_dim"] = state["text_projection"].shape[1]
        config["text_cfg"] = {
            "vocab_size": vocab_size,
            "width": width,
            "layers": _count(state, r"transformer\.resblocks\.(\d+)\."),
            "heads": _heads("text_heads", text_heads, width),
            "context_length": state["positional_embedding"].shape[0],
        }
    if "embed_dim" not in config:
        raise ValueError(f"expected CLIP weights, but got keys such as {sorted(state)[:3]}.")
    return config


def _count(keys: Iterable[str], pattern: str) -> int:
    """How many different numbers the pattern's group takes."""
    return len({match[1] for key in keys if (match := re.match(pattern, key))})


def _side(positions: Tensor) -> int:
    """Side of the square grid that has these positions (1 + side^2, C), a class token first."""
    return round((positions.shape[0] - 1) ** 0.5)


def _heads(what: str, heads: int | None, width: int) -> int:
    if heads is None and width % 64:
        raise ValueError(f"a tower {width} channels wide has no heads of 64 channels; give {what}.")
    return heads or width // 64
