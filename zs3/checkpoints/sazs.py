"""Checkpoints of SAZS (arXiv 2304.08491), with either encoder: names of all their tensors."""

from __future__ import annotations

from torch import Tensor

from . import dpt, drn
from .key_map import Rule, rename

DROPPED: tuple[Rule, ...] = (
    (dpt.UNREAD, "the end of the ViT, which nothing reads"),
    (r"pretrained\.model\.blocks\.(1[2-9]|2\d)\.", "blocks behind the one that is read"),
    (r"pretrained\.act_postprocess[134]\.|scratch\.", "the rest of DPT, which SAZS never uses"),
    (r"fc2\.|up\.", "a head that SAZS never uses"),
    (r"loss\.", "the criterion's, whose weights are published apart"),
)

_HEADS: tuple[Rule, ...] = (
    (r"edgeocr_cls_head\.", "criterion.edge_head."),
    (r"(?:loss\.)?inverse_distance\.inversenet\.", "criterion.inverse_form.regressor."),
    (r"pool(\d)_conv\.", r"grouping.pixel_decoder.pools.\1."),
    (r"pool(\d)_bn\.", r"grouping.pixel_decoder.pools.\1.norm."),
    (r"fc1\.", "grouping.pixel_decoder.join."),
    (r"fc1_bn\.", "grouping.pixel_decoder.join.norm."),
)
_BACKBONE: tuple[Rule, ...] = tuple(
    (pattern, f"backbone.{replacement}") for pattern, replacement in drn.RULES
)


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published SAZS under the names of a `ZeroShotSegmentor`."""
    return rename(state, (*dpt.RULES, *_BACKBONE, *_HEADS))
