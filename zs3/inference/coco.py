"""Label maps as annotations in COCO's format, masks as compressed run-length encoding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # JSON

import numpy as np
from pycocotools import mask as rle

from ..files import write_atomically
from .result import Segmentation


def coco(result: Segmentation) -> dict[str, Any]:
    """
    A COCO dataset of one image: one annotation for every class that occurs. The id of a category is
    its label, that of the image is 1.
    """
    height, width = result.labels.shape
    annotations: list[dict[str, Any]] = []
    for k in sorted(map(result.names.index, result.found)):
        encoded = rle.encode(np.asfortranarray(result.labels == k, np.uint8))
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": 1,
                "category_id": k,
                "iscrowd": 0,
                "area": int(rle.area(encoded)),
                "bbox": rle.toBbox(encoded).tolist(),
                "segmentation": {"size": [height, width], "counts": encoded["counts"].decode()},
            }
        )
    name = result.file.name if result.file else ""
    return {
        "images": [{"id": 1, "file_name": name, "height": height, "width": width}],
        "categories": [{"id": k, "name": name} for k, name in enumerate(result.names)],
        "annotations": annotations,
    }


def save_coco(result: Segmentation, path: str | Path) -> None:
    """Writes `coco` as JSON."""
    write_atomically(path, json.dumps(coco(result)).encode())
