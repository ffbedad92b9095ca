#!/usr/bin/env python
"""
Makes the label maps of Pascal Context with 59 classes, 59 and background, and all 459.

Below $DETECTRON2_DATASETS (default: datasets):

    VOCdevkit/VOC2010                          VOCtrainval_03-May-2010.tar
    VOCdevkit/VOC2010/trainval/*.mat           trainval.tar.gz of the Context page; or instead of it
    VOCdevkit/VOC2010/trainval_merged.json     the same annotations as "PASCAL in Detail" has them

    python datasets/prepare/pascal_context.py --jobs 8

writes zs3/labels/{context59,context60,context459} there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from zs3.commands.errors import say_errors
from zs3.data.datasets import pascal_context
from zs3.data.image_set import ImageSet, data_root
from zs3.data.mask_list import MaskList, read_mask_lists
from zs3.data.matlab import read_matlab
from zs3.data.preparation import Annotations, Input, files_by_name, prepare, script_arguments

VOC = "VOCdevkit/VOC2010"
MATLAB, DETAIL = f"{VOC}/trainval", f"{VOC}/trainval_merged.json"


def sources(image_set: ImageSet) -> Mapping[str, Path | MaskList]:
    root = data_root()
    if (root / MATLAB).is_dir():
        return files_by_name(root / MATLAB, ".mat")
    return detail(root / DETAIL)


@cache  # for training and validation
def detail(file: Path) -> Mapping[str, MaskList]:
    return read_mask_lists(file, masks="annos_segmentation", image_number="image_id")


def read(source: Path | MaskList) -> np.ndarray:
    return source.paint() if isinstance(source, MaskList) else read_matlab(source, "LabelMap")


ANNOTATIONS = Annotations(
    inputs=(
        Input(
            (f"{VOC}/JPEGImages",),
            "from VOCtrainval_03-May-2010.tar, http://host.robots.ox.ac.uk/pascal/VOC/voc2010",
        ),
        Input(
            (MATLAB, DETAIL),
            "from trainval.tar.gz, https://cs.stanford.edu/~roozbeh/pascal-context",
        ),
    ),
    sources=sources,
    read=read,
    domain=range(460),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    sets = [chosen for chosen in pascal_context.SETS if chosen.script == "pascal_context"]
    say_errors(lambda: prepare(sets, ANNOTATIONS, args.jobs, args.force))


if __name__ == "__main__":
    main()
