#!/usr/bin/env python
"""
Makes the label maps of COCO-Stuff 164k with its 171 classes.

Below $DETECTRON2_DATASETS (default: datasets):

    coco/{train2017,val2017}                   train2017.zip and val2017.zip
    coco/stuffthingmaps/{train2017,val2017}    stuffthingmaps_trainval2017.zip, unpacked in that
                                               folder

    python datasets/prepare/cocostuff.py --jobs 8

writes zs3/labels/coco171/{train2017,val2017} there. `cocostuff182` reads the published label maps
as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zs3.commands.errors import say_errors
from zs3.data.datasets import coco
from zs3.data.image_set import ImageSet, data_root
from zs3.data.preparation import Annotations, Input, files_by_name, prepare, script_arguments
from zs3.data.reading import read_label

MAPS = "coco/stuffthingmaps"
PARTS = ("train2017", "val2017")


def sources(image_set: ImageSet) -> Mapping[str, Path]:
    return files_by_name(data_root() / MAPS / f"{image_set.part}2017", ".png")


ANNOTATIONS = Annotations(
    inputs=(
        *(
            Input((f"coco/{part}",), f"from http://images.cocodataset.org/zips/{part}.zip")
            for part in PARTS
        ),
        *(
            Input(
                (f"{MAPS}/{part}",),
                "from http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset/"
                "stuffthingmaps_trainval2017.zip",
            )
            for part in PARTS
        ),
    ),
    sources=sources,
    read=read_label,
    domain=(*range(182), 255),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    sets = [chosen for chosen in coco.SETS if chosen.dataset == "cocostuff"]
    say_errors(lambda: prepare(sets, ANNOTATIONS, args.jobs, args.force))


if __name__ == "__main__":
    main()
