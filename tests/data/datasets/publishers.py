"""Miniatures of what publishers ship: their folders and formats, a few images of 5 x 6 pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as codec
from scipy.io import savemat

H, W = 5, 6
Rows = Sequence[Sequence[int]]


def write_image(path: Path, height: int = H, width: int = W) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (200, 30, 90)).save(path)


def label_map(*values: int) -> np.ndarray:
    """(H, W) uint16 that shows the values in turn, the first one at [0, 0]."""
    return np.resize(np.array(values, np.uint16), (H, W))


def write_png(path: Path, values: np.ndarray, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8))
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    image.save(path)


def write_sbd(path: Path, values: np.ndarray) -> None:
    """A struct with further fields around the map, as SBD has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {"Boundaries": np.zeros((20, 1)), "Segmentation": values.astype(np.uint8)}
    savemat(path, {"GTcls": {**fields, "CategoriesPresent": np.array([[1]])}})


def write_context(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"LabelMap": values})


def run_lengths(mask: np.ndarray) -> dict[str, object]:
    """COCO's compressed form, as text."""
    code = codec.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {**code, "counts": code["counts"].decode()}


def write_detail(path: Path, maps: Mapping[str, np.ndarray]) -> None:
    """PASCAL in Detail: a mask for every value of every map but 0."""
    numbers = {name: number for number, name in enumerate(maps, 7)}
    masks = [
        {
            "image_id": numbers[name],
            "category_id": int(value),
            "segmentation": run_lengths(values == value),
        }
        for name, values in maps.items()
        for value in np.unique(values[values > 0])
    ]
    images = [
        {"image_id": number, "file_name": f"{name}.jpg", "phase": "val", "height": H, "width": W}
        for name, number in numbers.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annos_segmentation": masks}))


def write_instances(path: Path, instances: Mapping[str, Sequence[tuple[int, object]]]) -> None:
    """COCO's instances: (category, segmentation) of each image, with some of COCO's categories."""
    numbers = {name: number for number, name in enumerate(instances, 3)}
    content = {
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "height": H, "width": W}
            for name, number in numbers.items()
        ],
        "categories": [{"id": k, "name": f"c{k}"} for k in (1, 2, 13, 90)],
        "annotations": [
            {"image_id": numbers[name], "category_id": category, "segmentation": segmentation}
            for name, masks in instances.items()
            for category, segmentation in masks
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_ade_mask(path: Path, values: np.ndarray) -> None:
    """ADE20K-Full's coding of object numbers in red and green; blue is the instance."""
    path.parent.mkdir(parents=True, exist_ok=True)
    red, green = values // 256 * 10, values % 256
    colours = np.stack([red, green, np.arange(values.size).reshape(values.shape) % 7], -1)
    Image.fromarray(colours.astype(np.uint8)).save(path)


def voc2012(root: Path) -> None:
    """t0 in VOC's own training set, t1 in SBD's, v0 in VOC's validation set."""
    voc = root / "VOCdevkit" / "VOC2012"
    for name in ("t0", "t1", "v0"):
        write_image(voc / "JPEGImages" / f"{name}.jpg")
    write_png(voc / "SegmentationClass" / "t0.png", label_map(0, 1, 255), "P")
    write_png(voc / "SegmentationClass" / "v0.png", label_map(0, 20, 16, 255), "P")
    sbd = root / "benchmark_RELEASE" / "dataset" / "cls"
    write_sbd(sbd / "t0.mat", label_map(0, 2))  # VOC's own mask wins
    write_sbd(sbd / "t1.mat", label_map(0, 6, 11))


VOC2012_LISTS = {
    "voc2012_train": (("t0", ()), ("t1", ())),
    "voc2012_val": (("v0", ()),),
    "pascal5i_train": (("t0", (1,)), ("t1", (6, 11))),
    "pascal5i_val": (("v0", (1,)), ("t1", (6,)), ("t1", (11,)), ("v0", (20,)), ("v0", (16,))),
}


def pascal_context(root: Path) -> None:
    """Values: 2 aeroplane, 9 bag, 1 accordion (in the list of 459 only)."""
    voc = root / "VOCdevkit" / "VOC2010"
    for name, values in (("t0", (2, 1, 9)), ("v0", (458, 459)), ("v1", (2,))):
        write_image(voc / "JPEGImages" / f"{name}.jpg")
        write_context(voc / "trainval" / f"{name}.mat", label_map(*values))


CONTEXT_LISTS = {
    "context_train": (("t0", ()),),
    "context_val": (("v0", ()), ("v1", ())),
    "context459_val": (("v0", ()),),
}


def pascal_context33(root: Path) -> None:
    voc = root / "VOCdevkit" / "VOC2010"
    for name, values in (("t0", (0, 1, 33)), ("v0", (10,)), ("v1", (0, 255, 14))):
        write_image(voc / "JPEGImages" / f"{name}.jpg")
        write_png(voc / "33_context_labels" / f"{name}.png", label_map(*values))


def cocostuff(root: Path) -> None:
    """Values: 0 person; 10 and 12, neighbours in the list of 171; 181, its last."""
    for name in ("train2017/000000000009", "train2017/000000000025", "val2017/000000000139"):
        write_image(root / "coco" / f"{name}.jpg")
        write_png(root / "coco" / "stuffthingmaps" / f"{name}.png", label_map(0, 10, 12, 181, 255))


def coco20i(root: Path) -> None:
    for part, name in (
        ("train2014", "COCO_train2014_000000000009"),
        ("val2014", "COCO_val2014_000000000042"),
    ):
        write_image(root / "coco" / part / f"{name}.jpg")
        whole = [[0, 0, W, 0, W, H, 0, H]]
        corner = run_lengths(label_map(0, 0, 0, 0, 0, 1) > 0)
        crowd = {"size": [H, W], "counts": [0, 2, H * W - 2]}
        write_instances(
            root / "coco" / "annotations" / f"instances_{part}.json",
            {name: [(2, whole), (90, corner), (13, crowd)]},
        )


COCO20I_LISTS = {
    "coco20i_train": (("COCO_train2014_000000000009", (2, 4)),),
    "coco20i_val": tuple(("COCO_val2014_000000000042", (k,)) for k in (1, 2, 3, 4)),
}


def ade20k150(root: Path) -> None:
    ade = root / "ADEChallengeData2016"
    for part, short in (("training", "train"), ("validation", "val")):
        name = f"ADE_{short}_00000001"
        write_image(ade / "images" / part / f"{name}.jpg")
        write_png(ade / "annotations" / part / f"{name}.png", label_map(0, 1, 150))


def ade20k847(root: Path) -> None:
    """Objects: 2978 wall, 312 building, 7 in no list."""
    ade = root / "ADE20K_2021_17_01" / "images" / "ADE"
    for part, short in (("training", "train"), ("validation", "val")):
        scene = ade / part / "urban" / "street"
        write_image(scene / f"ADE_{short}_00000001.jpg")
        write_ade_mask(scene / f"ADE_{short}_00000001_seg.png", label_map(2978, 312, 7))
        # Parts and single objects have files of their own, which are no label maps.
        write_png(scene / f"ADE_{short}_00000001_parts_1.png", label_map(1))
        write_png(scene / f"ADE_{short}_00000001" / "instance_000_wall.png", label_map(255))
