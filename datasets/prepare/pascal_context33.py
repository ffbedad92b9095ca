#!/usr/bin/env python
"""
Makes the label maps of Pascal Context with 33 classes, which SPNet and CaGNet use.

Below $DETECTRON2_DATASETS (default: datasets):

    VOCdevkit/VOC2010                           VOCtrainval_03-May-2010.tar
    VOCdevkit/VOC2010/33_context_labels/*.png   33_context_labels.tar.gz of the Context page

    python datasets/prepare/pascal_context33.py --jobs 8

writes zs3/labels/context33 there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zs3.commands.errors import say_errors
from zs3.data.datasets import pascal_context
from zs3.data.image_set import ImageSet, data_root
from zs3.data.preparation import Annotations, Input, files_by_name, prepare, script_arguments
from zs3.data.reading import read_label

VOC = "VOCdevkit/VOC2010"
LABELS = f"{VOC}/33_context_labels"


def sources(image_set: ImageSet) -> Mapping[str, Path]:
    return files_by_name(data_root() / LABELS, ".png")


ANNOTATIONS = Annotations(
    inputs=(
        Input(
            (f"{VOC}/JPEGImages",),
            "from VOCtrainval_03-May-2010.tar, http://host.robots.ox.ac.uk/pascal/VOC/voc2010",
        ),
        Input(
            (LABELS,),
            "from 33_context_labels.tar.gz, https://cs.stanford.edu/~roozbeh/pascal-context",
        ),
    ),
    sources=sources,
    read=read_label,
    domain=(*range(34), 255),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    sets = [chosen for chosen in pascal_context.SETS if chosen.script == "pascal_context33"]
    say_errors(lambda: prepare(sets, ANNOTATIONS, args.jobs, args.force))


if __name__ == "__main__":
    main()
