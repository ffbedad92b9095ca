"""
COCO-Stuff 164k (Caesar et al., CVPR 2018) and COCO-20i (Nguyen and Todorovic, ICCV 2019).

`cocostuff` has the 171 classes that occur; `cocostuff182` all that the published label maps have a
number for, and reads these as they are. 11 of them are on no pixel; SPNet and CaGNet count them as
seen. `coco20i` asks about one of COCO's 80 things an image, in the lists of HSNet.
"""

from __future__ import annotations

from ..image_set import EPISODES, FOLDS, PARTS, ImageSet
from ..published import class_list

_COUNTS = {"train": 118287, "val": 5000}
_FIRST_STUFF = 91  # number in the published label maps


def _stuff_set(
    dataset: str, part: str, classes: str, splits: tuple[str, ...], labels: str
) -> ImageSet:
    names, numbers = class_list(classes).names, map(int, class_list(classes).values)
    things = tuple(n for n, k in zip(names, numbers, strict=True) if k < _FIRST_STUFF)
    return ImageSet(
        dataset=dataset,
        part=part,
        classes=classes,
        splits=splits,
        images=f"coco/{part}2017/{{}}.jpg",
        labels=f"{labels}/{part}2017/{{}}.png",
        script="cocostuff",
        count=_COUNTS[part],
        metadata={"kinds": {"thing": things, "stuff": names[len(things) :]}},
    )


def _fold_set(part: str) -> ImageSet:
    return ImageSet(
        dataset="coco20i",
        part=part,
        classes="coco81",
        splits=FOLDS,
        images=f"coco/{part}2014/{{}}.jpg",
        labels=f"zs3/labels/coco81/{part}2014/{{}}.png",
        script="coco20i",
        listing=f"coco20i_{part}",
        metadata=EPISODES,
    )


SETS = (
    *(
        _stuff_set("cocostuff", part, "coco171", ("", "156-15"), "zs3/labels/coco171")
        for part in PARTS
    ),
    *(
        _stuff_set("cocostuff182", part, "coco182", ("", "167-15"), "coco/stuffthingmaps")
        for part in PARTS
    ),
    *(_fold_set(part) for part in PARTS),
)
