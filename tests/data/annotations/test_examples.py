"""The examples of configs/data/examples: one small dataset, written in every format."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from brushes import encode_mask
from PIL import Image

from zs3.data.check import ERROR, check_parts, parts_of_description
from zs3.data.description import read_description
from zs3.data.mapper import SampleReader

EXAMPLES = Path(__file__).parents[3] / "configs" / "data" / "examples"
NAMES = ("sky", "road", "tree", "car")
UNLABELLED = 4
SIZES = {"train": [(6, 4), (5, 9), (8, 8)], "val": [(7, 3)]}  # (W, H)


@pytest.fixture
def truth(tmp_path):
    """Key of an image -> its part, and labels (H, W): of NAMES, or UNLABELLED."""
    rng = np.random.default_rng(0)
    return {
        f"{part}{i}": (part, rng.integers(0, 5, size[::-1]))
        for part, sizes in SIZES.items()
        for i, size in enumerate(sizes)
    }


def picture(array):
    file = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(file, "png")
    return file.getvalue()


def photo(labels):
    return picture(np.full((*labels.shape, 3), 90))


def label_maps(truth):
    for key, (part, labels) in truth.items():
        yield f"images/{part}/{key}.png", photo(labels)
        yield f"labels/{part}/{key}.png", picture(np.where(labels == UNLABELLED, 255, labels))


def cvat_masks(truth):
    colours = np.array([[70, 130, 180], [128, 64, 128], [0, 142, 0], [0, 0, 142], [0, 0, 0]])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        lines = [f"{n}:{r},{g},{b}::" for n, (r, g, b) in zip(NAMES, colours, strict=False)]
        archive.writestr("labelmap.txt", "\n".join([*lines, "background:0,0,0::"]))
        for key, (_, labels) in truth.items():
            archive.writestr(f"SegmentationClass/{key}.png", picture(colours[labels]))
        for part in SIZES:
            keys = "\n".join(key for key, (its, _) in truth.items() if its == part)
            archive.writestr(f"ImageSets/Segmentation/{part}.txt", keys)
    yield "task.zip", file.getvalue()
    for key, (_, labels) in truth.items():
        yield f"photos/{key}.png", photo(labels)


def coco(truth):
    """Every pixel of a car or truck is a polygon; other names are runs."""
    categories = ["car", "truck", "tree", "road", "ground", "sky"]
    for part in SIZES:
        images, annotations = [], []
        for i, (key, (_, labels)) in enumerate(
            (key, value) for key, value in truth.items() if value[0] == part
        ):
            height, width = labels.shape
            images.append({"id": i, "file_name": f"{key}.png", "height": height, "width": width})
            for name in ("sky", "road", "tree"):
                inside = (labels == NAMES.index(name)).ravel(order="F").tolist()
                changes = np.flatnonzero(np.diff([0, *inside, 1 - inside[-1]]))
                runs = {"size": [height, width], "counts": np.diff(changes, prepend=0).tolist()}
                annotations.append((i, categories.index(name), runs))
            for n, (y, x) in enumerate(np.argwhere(labels == NAMES.index("car")).tolist()):
                square = [[x, y, x + 1, y, x + 1, y + 1, x, y + 1]]
                annotations.append((i, n % 2, square))
            yield f"photos/{key}.png", photo(labels)
        document = {
            "images": images,
            "categories": [{"id": i, "name": name} for i, name in enumerate(categories)],
            "annotations": [
                dict(zip(("image_id", "category_id", "segmentation"), a, strict=True))
                for a in annotations
            ],
        }
        yield f"{part}.json", json.dumps(document).encode()


def coco_panoptic(truth):
    for part in SIZES:
        annotations = []
        for key, (_, labels) in truth.items():
            if truth[key][0] != part:
                continue
            ids = np.where(labels == UNLABELLED, 0, 300 * (labels + 1))
            codes = np.stack([ids % 256, ids // 256, np.zeros_like(ids)], -1)
            yield f"photos/{part}/{key}.png", photo(labels)
            yield f"panoptic_{part}/{key}.png", picture(codes)
            segments = [{"id": 300 * (k + 1), "category_id": 10 + k} for k in range(4)]
            annotations.append(
                {"image_id": key, "file_name": f"{key}.png", "segments_info": segments}
            )
        document = {
            "images": [{"id": a["image_id"], "file_name": a["file_name"]} for a in annotations],
            "categories": [{"id": 10 + k, "name": name} for k, name in enumerate(NAMES)],
            "annotations": annotations,
        }
        yield f"panoptic_{part}.json", json.dumps(document).encode()


def label_studio(truth):
    tasks = []
    for key, (_, labels) in truth.items():
        yield f"photos/{key}.png", photo(labels)
        results = [
            {
                "original_height": labels.shape[0],
                "original_width": labels.shape[1],
                "value": {"format": "rle", "rle": encode_mask(labels == k), "brushlabels": [name]},
            }
            for k, name in enumerate(NAMES)
        ]
        image = {"image": f"/data/upload/1/0123abcd-{key}.png"}
        tasks.append({"data": image, "annotations": [{"result": results}]})
    yield "project.json", json.dumps(tasks).encode()


WRITERS = (label_maps, cvat_masks, coco, coco_panoptic, label_studio)


def test_there_is_an_example_of_every_format():
    assert {path.stem for path in EXAMPLES.iterdir()} == {writer.__name__ for writer in WRITERS}


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.__name__)
def test_an_example_reads_what_was_written(writer, truth, tmp_path, monkeypatch):
    for name, content in writer(truth):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("PHOTOS", str(tmp_path))
    dataset = read_description(EXAMPLES / f"{writer.__name__}.yaml")
    names = [*dataset.vocabulary.names]
    meant = {"sky": None, "car": "vehicle", None: "ground"} if writer is coco else {}
    of_truth = [meant.get(name, name) for name in (*NAMES, None)]
    expected = np.array([names.index(name) if name else 255 for name in of_truth])

    reader = SampleReader(dataset.vocabulary, 255, dataset.classes.of_value)
    keys = set()
    for part in dataset.parts:
        for sample in dataset.samples(part):
            keys.add(key := sample["image_id"].rpartition("/")[2])
            image, labels = reader(pickle.loads(pickle.dumps(sample)))  # as workers get it
            np.testing.assert_array_equal(labels, expected[truth[key][1]])
            assert image.shape[:2] == labels.shape
    assert keys == set(truth)
    counts = check_parts(parts_of_description(dataset), jobs=1)
    assert not [f for count in counts for f in count.findings if f.level == ERROR]
