"""
PASCAL VOC 2012 with SBD's masks, and PASCAL-5i.

`voc2012` has the 20 classes; `voc2012bg` background as well, as a seen class (ZS3Net). `voc20` and
`voc20b` are the validation set as CAT-Seg asks about it: by the bare names; and with background,
for which 39 names of Pascal Context stand. `pascal5i` (Shaban et al., BMVC 2017) asks about one
class an image, in the lists of HSNet.
"""

from __future__ import annotations

from typing import Any

from ..image_set import EPISODES, FOLDS, PARTS, ImageSet
from ..published import class_list

_NUM_CLASSES = 20  # which Pascal Context has, too, and in that list first


def _image_set(
    dataset: str,
    part: str,
    classes: str,
    splits: tuple[str, ...] = ("",),
    listing: str = "voc2012",
    **metadata: Any,  # Any: as Detectron2's Metadata
) -> ImageSet:
    return ImageSet(
        dataset=dataset,
        part=part,
        classes=classes,
        splits=splits,
        images="VOCdevkit/VOC2012/JPEGImages/{}.jpg",
        labels=f"zs3/labels/{classes}/{{}}.png",
        script="voc2012",
        listing=f"{listing}_{part}",
        metadata=metadata,
    )


SETS = (
    *(
        _image_set("voc2012", part, "voc20", ("", "15-5"), prompts={"pottedplant": "potted plant"})
        for part in PARTS
    ),
    *(
        _image_set("voc2012bg", part, "voc21", ("", "19-2", "17-4", "15-6", "13-8", "11-10"))
        for part in PARTS
    ),
    _image_set("voc20", "val", "voc20"),
    _image_set(
        "voc20b",
        "val",
        "voc21",
        background_names=list(class_list("context60").names[1 + _NUM_CLASSES :]),
    ),
    *(_image_set("pascal5i", part, "voc21", FOLDS, "pascal5i", **EPISODES) for part in PARTS),
)
