import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from zs3.data.annotations.coco import CocoInstances

H, W = 4, 6
DOCUMENT = {
    "images": [
        {"id": 7, "file_name": "images/a.jpg", "height": H, "width": W},
        {"id": 9, "file_name": "images/b.jpg", "height": H, "width": W},
    ],
    "categories": [
        {"id": 3, "name": "wall"},
        {"id": 1, "name": "window"},
        {"id": 5, "name": "wall"},
    ],
    "annotations": [],
}
FILE = Path("instances.json")


def annotated(*annotations):
    document = copy.deepcopy(DOCUMENT)
    document["annotations"] = [
        {"id": i, "image_id": 7, "category_id": category, "segmentation": segmentation}
        for i, (category, segmentation) in enumerate(annotations)
    ]
    return document


def read(document, photos, key="a"):
    source = CocoInstances(FILE, document)
    images = photos("a.jpg", "b.jpg")
    return source.pair(images).labels[key].read(images[key])


def block(top, bottom, left, right):
    mask = np.zeros((H, W), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def compressed(mask):
    rle = coco_mask.encode(np.asfortranarray(mask))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def uncompressed(mask):
    flat = [0, *mask.ravel(order="F").tolist(), 1 - int(mask[-1, -1])]
    changes = np.flatnonzero(np.diff(flat))
    return {"size": [H, W], "counts": np.diff(changes, prepend=0).tolist()}


def polygon(top, bottom, left, right):
    return [[left, top, right, top, right, bottom, left, bottom]]


FORMS = {
    "polygon": polygon,
    "compressed": lambda *box: compressed(block(*box)),
    "uncompressed": lambda *box: uncompressed(block(*box)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_mask_says_the_same(photos, form):
    draw = FORMS[form]
    labels = read(annotated((1, draw(1, 3, 2, 4)), (5, draw(0, 4, 1, 5))), photos)
    expected = np.full((H, W), 2)  # unlabelled
    expected[:, 1:5] = 0
    expected[1:3, 2:4] = 1  # the smaller one on top, though it comes first
    np.testing.assert_array_equal(labels, expected)


def test_names_are_the_categories_in_order_each_once():
    source = CocoInstances(FILE, DOCUMENT)
    assert source.names == ("wall", "window")
    assert source.lists_names and source.lists_images and not source.notes


def test_an_image_without_annotations_is_unlabelled(photos):
    assert (read(annotated((1, polygon(0, 4, 0, 6))), photos, "b") == 2).all()


def test_boxes_are_no_masks(photos):
    document = annotated((1, []), (1, None), (1, [[1, 1, 3, 3]]), (1, polygon(0, 1, 0, 1)))
    assert CocoInstances(FILE, document).notes == (
        "instances.json: 3 annotations without mask (perhaps a box)",
    )
    assert (read(document, photos) == 1).sum() == 1


def test_a_crowd_is_a_region_like_others(photos):
    document = annotated((3, uncompressed(block(0, 4, 0, 6))))
    document["annotations"][0]["iscrowd"] = 1
    assert (read(document, photos) == 0).all()


def test_an_image_travels_alone(photos):
    """Detectron2 pickles dataset dicts one by one."""
    document = annotated(*[(1, polygon(0, 4, 0, 6))] * 500)
    document["images"] += [
        {"id": i, "file_name": f"{i}.jpg", "height": H, "width": W} for i in range(100, 600)
    ]
    labels = CocoInstances(FILE, document).pair(photos("b.jpg")).labels["b"]
    assert len(pickle.dumps(labels)) < 1000


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        (
            {"size": [W, H], "counts": "0"},
            r"image 'images/a\.jpg': .* has size \[6, 4\], but .*\[4, 6",
        ),
        ({"size": [H, W], "counts": [3]}, "covers 3 pixels, but 6 x 4 are 24"),
        ({"size": [H, W], "counts": "1"}, "run-length encoding covers"),
        ([[0, 0, 1e9, 0, 1, 1]], r"has the corner \(1000000000\.0, 0\.0\), but the image is 6 x 4"),
    ],
)
def test_masks_that_do_not_fit_are_refused_with_their_image(photos, segmentation, message):
    with pytest.raises(ValueError, match=rf"instances\.json.*{message}"):
        read(annotated((1, segmentation)), photos)


@pytest.mark.parametrize("change", [{"image_id": 8}, {"category_id": 2}])
def test_annotations_of_nothing_are_refused(change):
    document = annotated((1, polygon(0, 1, 0, 1)))
    document["annotations"][0].update(change)
    with pytest.raises(ValueError, match=r"annotation 0 is about image .* not both in the file"):
        CocoInstances(FILE, document)
