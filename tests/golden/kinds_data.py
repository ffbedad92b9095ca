"""Golden checks of data preparation: ZegFormer's dataset mapper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from golden import Case, check_all

from zs3.criterion import Segments
from zs3.data.augmentation import PadTo, RandomFlip, ResizeShortestEdge
from zs3.data.mapper import IMAGE_ARRAY, LABEL_ARRAY, SampleReader, TrainingMapper
from zs3.vocabulary import Vocabulary


def dataset_mapper_semantic(case: Case) -> None:
    meta, label = case.meta, case.inputs["sem_seg"]
    ignore = meta["ignore_label"]
    # The case says which labels are ignored, not how many classes there are: as many as it shows.
    classes = int(label[label != ignore].max()) + 1
    vocabulary = Vocabulary.of([f"class {k}" for k in range(classes)])
    sample = {
        "file_name": "golden",
        IMAGE_ARRAY: case.inputs["image_hwc"].numpy().astype(np.uint8),
        LABEL_ARRAY: label.numpy(),
    }
    got = {}
    for name, probability in (("flip0", 0.0), ("flip1", 1.0)):
        augmentations = (
            ResizeShortestEdge([meta["short_edge"]], meta["max_size"]),
            RandomFlip("horizontal", probability),
            PadTo(meta["size_divisibility"], ignore),
        )
        mapper = TrainingMapper(SampleReader(vocabulary, ignore), augmentations)
        mapped = mapper(sample, np.random.default_rng(0))
        table = torch.from_numpy(vocabulary.remap(vocabulary))
        segments = Segments.of_map(table[mapped["sem_seg"]][None], classes)
        got[f"{name}_image"] = mapped["image"].float()
        got[f"{name}_sem_seg"] = mapped["sem_seg"]
        got[f"{name}_gt_classes"] = segments.labels
        got[f"{name}_gt_masks"] = segments.masks.to(torch.uint8)
    check_all(case, got)


KINDS: dict[str, Callable[[Case], None]] = {"dataset_mapper_semantic": dataset_mapper_semantic}
