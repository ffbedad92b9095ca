import copy
import json
import os
import zipfile
from functools import reduce

import numpy as np
import pytest
from brushes import encode_mask
from PIL import Image

from zs3.data.annotations import open_labels

COCO = {"images": [], "categories": [{"id": 1, "name": "cat"}], "annotations": []}
PANOPTIC = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": []}],
}
STUDIO = [{"data": {"image": "a.jpg"}, "annotations": []}]


@pytest.fixture
def write(tmp_path):
    def files(**contents):
        for name, content in contents.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".png":
                Image.fromarray(np.zeros((2, 3), np.uint8)).save(path)
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path

    return files


@pytest.mark.parametrize(
    ("document", "kind"),
    [(COCO, "CocoInstances"), (PANOPTIC, "CocoPanoptic"), (STUDIO, "LabelStudio")],
)
def test_a_json_file_is_recognised_by_its_content(write, document, kind):
    root = write(labels_dot_json=document)
    assert type(open_labels(root / "labels.json")).__name__ == kind
    # So it is as the only one in a folder, even among pictures.
    write(photo_dot_png=None)
    assert type(open_labels(root)).__name__ == kind


def test_folders_are_recognised_by_their_content(write):
    root = write(maps__a_dot_png=None, masks__a_dot_png=None, masks__labelmap_dot_txt="a:1,2,3::")
    write(maps__readme_dot_json={"licence": "none"})
    assert type(open_labels(root / "maps")).__name__ == "LabelMaps"
    assert type(open_labels(root / "masks")).__name__ == "ColourMasks"
    assert type(open_labels(root / "masks", "label_maps")).__name__ == "LabelMaps"


def test_archives_are_folders(write):
    root = write(a_dot_png=None)
    with zipfile.ZipFile(root / "export.zip", "w") as archive:
        archive.write(root / "a.png", "images/a.png")
        archive.writestr("annotations/instances_default.json", json.dumps(COCO))
    for inside in ("", "annotations", "annotations/instances_default.json"):
        assert open_labels(root / "export.zip" / inside).names == ("cat",)


def test_a_file_is_parsed_once_and_again_when_it_changes(write):
    root = write(labels_dot_json=COCO)
    source = open_labels(root / "labels.json")
    assert open_labels(root / "labels.json") is source
    write(labels_dot_json={**COCO, "categories": [{"id": 1, "name": "dog"}]})
    os.utime(root / "labels.json", ns=(1, 1))
    assert open_labels(root / "labels.json").names == ("dog",)


def test_a_format_can_be_insisted_on(write):
    root = write(labels_dot_json=COCO)
    assert open_labels(root / "labels.json", "coco").names == ("cat",)
    with pytest.raises(ValueError, match=r"labels\.json holds no labels of format label_studio"):
        open_labels(root / "labels.json", "label_studio")
    with pytest.raises(ValueError, match=r"format is 'coko'; expected one of .* mean 'coco'"):
        open_labels(root / "labels.json", "coko")


def test_what_is_no_labels_is_refused(write):
    root = write(a_dot_json={"a": 1}, b_dot_json="[{", c_dot_json={**COCO, "images": [{"id": 1}]})
    with pytest.raises(ValueError, match=r"nowhere, which does not exist"):
        open_labels(root / "nowhere")
    with pytest.raises(ValueError, match=r"a\.json holds no labels of a known format; expected"):
        open_labels(root / "a.json")
    with pytest.raises(ValueError, match=r"b\.json is not readable JSON: Expecting property"):
        open_labels(root / "b.json")
    with pytest.raises(ValueError, match=r"c\.json: an entry lacks 'file_name', which its format"):
        open_labels(root / "c.json")
    with pytest.raises(ValueError, match=r"holds 3 JSON files; name one of them: \S*a\.json, "):
        open_labels(root)
    write(d_dot_json={**COCO, "categories": [3]}, e__x_dot_txt="")
    with pytest.raises(ValueError, match=r"d\.json: an entry is not as its format asks for"):
        open_labels(root / "d.json")
    with pytest.raises(ValueError, match=r"/e holds no labels of a known format"):
        open_labels(root / "e")


def region(value):
    return {"original_width": 6, "original_height": 4, "value": value}


CORNERS = [[0, 0], [50, 0], [50, 50]]
WHOLE = {
    "coco": {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 6, "height": 4}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2]]},
            {"image_id": 1, "category_id": 1, "segmentation": {"size": [4, 6], "counts": [20, 4]}},
        ],
    },
    "coco_panoptic": PANOPTIC,
    "label_studio": [
        {
            "data": {"image": "a.jpg"},
            "annotations": [
                {
                    "result": [
                        region({"points": CORNERS, "polygonlabels": ["cat"]}),
                        region({"rle": encode_mask(np.ones((4, 6), bool)), "brushlabels": ["cat"]}),
                    ]
                }
            ],
        }
    ],
}


def places(document, path=()):
    items = document.items() if isinstance(document, dict) else ()
    for key, value in enumerate(document) if isinstance(document, list) else items:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("format", WHOLE)
def test_whatever_stands_in_a_file_is_read_or_refused_in_a_line(write, photos, format):
    root = write(a_dot_png=None)
    images = photos("a.jpg")
    refused = 0
    for number, place in enumerate(places(WHOLE[format])):
        for wrong in (None, -1, 10**12, "x", [], [3.5], {}, float("nan")):
            document = copy.deepcopy(WHOLE[format])
            *way, last = place
            reduce(lambda node, key: node[key], way, document)[last] = wrong
            file = root / f"{number}-{wrong}.json"
            file.write_text(json.dumps(document))
            try:
                for labels in open_labels(file).pair(images).labels.values():
                    labels.read(images["a"])
            except (ValueError, OSError) as refusal:
                refused += 1
                assert str(root) in str(refusal) and "\n" not in str(refusal)
    assert refused > number  # at least one of the wrong values at every place, on average
