#!/usr/bin/env python
"""
Makes the label maps of ADE20K's 150 classes, of the 2016 scene parsing challenge.

Below $DETECTRON2_DATASETS (default: datasets):

    ADEChallengeData2016/{images,annotations}/{training,validation}    ADEChallengeData2016.zip

    python datasets/prepare/ade20k150.py --jobs 8

writes zs3/labels/ade150/{training,validation} there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zs3.commands.errors import say_errors
from zs3.data.datasets import ade20k
from zs3.data.image_set import ImageSet, data_root
from zs3.data.preparation import Annotations, Input, files_by_name, prepare, script_arguments
from zs3.data.reading import read_label

ADE = "ADEChallengeData2016"
ZIP = "from http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"


def sources(image_set: ImageSet) -> Mapping[str, Path]:
    return files_by_name(data_root() / ADE / "annotations" / image_set.folder.name, ".png")


ANNOTATIONS = Annotations(
    inputs=[
        Input((f"{ADE}/{kind}/{part}",), ZIP)
        for kind in ("images", "annotations")
        for part in ("training", "validation")
    ],
    sources=sources,
    read=read_label,
    domain=range(151),
)


def main(arguments: Sequence[str] | None = None) -> None:
    args = script_arguments(__doc__, arguments)
    sets = [chosen for chosen in ade20k.SETS if chosen.dataset == "ade20k150"]
    say_errors(lambda: prepare(sets, ANNOTATIONS, args.jobs, args.force))


if __name__ == "__main__":
    main()
