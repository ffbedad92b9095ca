#!/usr/bin/env python
"""
Makes the label maps of COCO-20i.

Below $DETECTRON2_DATASETS (default: datasets):

    coco/{train2014,val2014}                               train2014.zip and val2014.zip
    coco/annotations/instances_{train2014,val2014}.json    annotations_trainval2014.zip; or better
    coco/annotations/{train2014,val2014}/*.png             the masks that HSNet distributes

    python datasets/prepare/coco20i.py --jobs 8

writes zs3/labels/coco81/{train2014,val2014} there, for the images in HSNet's lists. From the JSON
files, instances are painted in their order, later ones and crowds over earlier ones; the published
figures were measured on HSNet's masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zs3.commands.errors import say_errors
from zs3.data.datasets import coco
from zs3.data.image_set import ImageSet, data_root
from zs3.data.mask_list import MaskList, read_mask_lists
from zs3.data.preparation import Annotations, Input, files_by_name, prepare, script_arguments
from zs3.data.reading import read_label

FOLDER = "coco/annotations"
PARTS = ("train2014", "val2014")


def sources(image_set: ImageSet) -> Mapping[str, Path | MaskList]:
    folder, part = data_root() / FOLDER, f"{image_set.part}2014"
    if (folder / part).is_dir():
        return files_by_name(folder / part, ".png")
    return read_mask_lists(
        folder / f"instances_{part}.json",
        masks="annotations",
        image_number="id",
        count_categories=True,
    )


def read(source: Path | MaskList) -> np.ndarray:
    return source.paint() if isinstance(source, MaskList) else read_label(source)


ANNOTATIONS = Annotations(
    inputs=(
        *(
            Input((f"coco/{part}",), f"from http://images.cocodataset.org/zips/{part}.zip")
            for part in PARTS
        ),
        *(
            Input(
                (f"{FOLDER}/instances_{part}.json", f"{FOLDER}/{part}"),
                "from http://images.cocodataset.org/annotations/annotations_trainval2014.zip",
            )
            for part in PARTS
        ),
    ),
    sources=sources,
    read=read,
    domain=range(81),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    sets = [chosen for chosen in coco.SETS if chosen.dataset == "coco20i"]
    say_errors(lambda: prepare(sets, ANNOTATIONS, args.jobs, args.force))


if __name__ == "__main__":
    main()
