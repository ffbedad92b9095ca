"""
ADE20K: the 150 classes of the 2016 scene parsing challenge, and 847 of the full release of 2021.

The 847 are MaskFormer's; in `ade20k847_572-275` the frequent and common ones are seen and the rare
ones unseen (ZegFormer). Images of the full release are kept with a shorter side of 512 pixels at
most, the size at which they are evaluated.
"""

from __future__ import annotations

from ..image_set import PARTS, ImageSet


def _image_set(
    part: str, classes: str, splits: tuple[str, ...], images: str, train_count: int
) -> ImageSet:
    folder = {"train": "training", "val": "validation"}[part]
    name = classes.replace("ade", "ade20k")
    return ImageSet(
        dataset=name,
        part=part,
        classes=classes,
        splits=splits,
        images=f"{images}/{folder}/{{}}.jpg",
        labels=f"zs3/labels/{classes}/{folder}/{{}}.png",
        script=name,
        count={"train": train_count, "val": 2000}[part],
    )


SETS = (
    *(_image_set(part, "ade150", ("",), "ADEChallengeData2016/images", 20210) for part in PARTS),
    *(_image_set(part, "ade847", ("", "572-275"), "zs3/images/ade847", 25574) for part in PARTS),
)
