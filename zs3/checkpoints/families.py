"""
Whose checkpoint a state is, told by its keys. A new family is one line here, and a file beside it
with its key map.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from torch import Tensor

from . import cagnet, cascade_clip, cat_seg, lseg, sazs, zegformer, zs3net
from .key_map import Rule

State = dict[str, Tensor]


@dataclass(frozen=True)
class Family:
    """
    Published checkpoints of one layout.

    Attributes:
        name: for messages.
        sign: a pattern. Some key of every one of its checkpoints matches it from the start, and no
            key of another family's, or of ours.
        convert: from its names to those of a `ZeroShotSegmentor`.
        dropped: (pattern, why) pairs, see `drop`; what is in its checkpoints and nobody needs.
    """

    name: str
    sign: str
    convert: Callable[[State], State]
    dropped: Sequence[Rule] = ()


FAMILIES = (
    Family(
        "ZegFormer, MaskFormer or Mask2Former",
        r"sem_seg_head\.(predictor\.query_embed|projection_layer)\.",
        zegformer.convert,
        zegformer.DROPPED,
    ),
    Family("CaGNet or SPNet", cagnet.SIGN, cagnet.convert, cagnet.DROPPED),
    Family("ZS3Net", zs3net.SIGN, zs3net.convert, zs3net.DROPPED),
    Family(
        "Cascade-CLIP or ZegCLIP",
        r"decode_head\.(cascade_decoders|decoder_1)\.",
        cascade_clip.convert,
        cascade_clip.DROPPED,
    ),
    Family(
        "CAT-Seg",
        r"(sem_seg_head\.predictor\.transformer|neck)\.conv1\.",
        cat_seg.convert,
        cat_seg.DROPPED,
    ),
    Family("SAZS", r"edgeocr_cls_head\.", sazs.convert, sazs.DROPPED),
    Family("LSeg", r"net\.(scratch|pretrained)\.", lseg.convert, lseg.DROPPED),
)


def family_of(keys: Collection[str]) -> Family | None:
    """The family whose keys these are; None for our own, and for those of backbones alone."""
    for family in FAMILIES:
        if any(re.match(family.sign, key) for key in keys):
            return family
    return None
