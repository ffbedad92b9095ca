#!/usr/bin/env python
"""
Makes the label maps of PASCAL VOC 2012, with and without background, and of PASCAL-5i.

Below $DETECTRON2_DATASETS (default: datasets):

    VOCdevkit/VOC2012                          VOCtrainval_11-May-2012.tar
    benchmark_RELEASE/dataset/cls              benchmark.tgz (SBD); or instead of it
    VOCdevkit/VOC2012/SegmentationClassAug     SBD's masks as PNG, as they circulate

    python datasets/prepare/voc2012.py --jobs 8

writes zs3/labels/{voc20,voc21} there. Images of VOC's own segmentation sets keep VOC's
masks; the others have SBD's, which have no void contours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zs3.commands.errors import say_errors
from zs3.data.datasets import voc
from zs3.data.image_set import ImageSet, data_root
from zs3.data.matlab import read_matlab
from zs3.data.preparation import Annotations, Input, files_by_name, prepare, script_arguments
from zs3.data.reading import read_label

VOC, SBD = "VOCdevkit/VOC2012", "benchmark_RELEASE/dataset/cls"
TAR = "from VOCtrainval_11-May-2012.tar, http://host.robots.ox.ac.uk/pascal/VOC/voc2012"
TGZ = (
    "from benchmark.tgz, http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/"
    "semantic_contours"
)


def sources(image_set: ImageSet) -> Mapping[str, Path]:
    root = data_root()
    return {
        **files_by_name(root / SBD, ".mat"),
        **files_by_name(root / VOC / "SegmentationClassAug", ".png"),
        **files_by_name(root / VOC / "SegmentationClass", ".png"),
    }


def read(path: Path) -> np.ndarray:
    return read_matlab(path, "GTcls.Segmentation") if path.suffix == ".mat" else read_label(path)


ANNOTATIONS = Annotations(
    inputs=(
        Input((f"{VOC}/JPEGImages",), TAR),
        Input((f"{VOC}/SegmentationClass",), TAR),
        Input((SBD, f"{VOC}/SegmentationClassAug"), TGZ),
    ),
    sources=sources,
    read=read,
    domain=(*range(21), 255),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    say_errors(lambda: prepare(voc.SETS, ANNOTATIONS, args.jobs, args.force))


if __name__ == "__main__":
    main()
