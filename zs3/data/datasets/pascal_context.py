"""
Pascal Context (Mottaghi et al., CVPR 2014): labels of VOC 2010's images, in four class lists.

`context59` is the usual one, and `pc59` the same as CAT-Seg asks about it: by VOC's names;
`context60` counts all the rest as a class, background (ZS3Net). `context459` has every class that
was annotated; names and validation set, an image shorter, are CAT-Seg's.
`context33` is a labelling of its own, which SPNet and CaGNet use.

Of the splits of `context59`, 49-10 is the literature's. Cascade-CLIP's released models were trained
on 49-10-cascade: the same ten indices, but in another order of the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..image_set import PARTS, ImageSet

_TWO_WORDS = MappingProxyType({"pottedplant": "potted plant"})
_VOC_NAMES = MappingProxyType({"table": "diningtable"})


def _image_set(
    part: str,
    classes: str,
    splits: tuple[str, ...] = ("",),
    *,
    dataset: str = "",
    script: str = "pascal_context",
    listing: str = "context",
    prompts: Mapping[str, str] = _TWO_WORDS,
) -> ImageSet:
    return ImageSet(
        dataset=dataset or classes,
        part=part,
        classes=classes,
        splits=splits,
        images="VOCdevkit/VOC2010/JPEGImages/{}.jpg",
        labels=f"zs3/labels/{classes}/{{}}.png",
        script=script,
        listing=f"{listing}_{part}",
        metadata={"prompts": dict(prompts)},
    )


SETS = (
    *(_image_set(part, "context59", ("", "49-10", "49-10-cascade")) for part in PARTS),
    *(_image_set(part, "context59", dataset="pc59", prompts=_VOC_NAMES) for part in PARTS),
    *(
        _image_set(part, "context60", ("", "58-2", "56-4", "54-6", "52-8", "50-10"))
        for part in PARTS
    ),
    _image_set("train", "context459", prompts={}),
    _image_set("val", "context459", listing="context459", prompts={}),
    *(_image_set(part, "context33", ("", "29-4"), script="pascal_context33") for part in PARTS),
)
