from pathlib import Path

import numpy as np
import pytest
from brushes import encode_mask

from zs3.data.annotations.label_studio import LabelStudio

FILE = Path("project.json")
H, W = 4, 6


def result(value, **more):
    return {"original_width": W, "original_height": H, "image_rotation": 0, "value": value, **more}


def brush(label, mask):
    return result({"format": "rle", "rle": encode_mask(mask), "brushlabels": [label]})


def polygon(label, *corners):
    """Corners in pixels."""
    points = [[100 * x / W, 100 * y / H] for x, y in corners]
    return result({"points": points, "closed": True, "polygonlabels": [label]})


def task(*results, image="/data/upload/1/1a2b3c4d-a.jpg", **more):
    return {"id": 5, "data": {"image": image}, "annotations": [{"result": list(results), **more}]}


def read(tasks, photos, key="a", size=(W, H)):
    images = photos("a.jpg", "b.jpg", size=size)
    return LabelStudio(FILE, tasks).pair(images).labels[key].read(images[key])


def box(top, bottom, left, right):
    mask = np.zeros((H, W), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_brushes_and_polygons_are_painted(photos):
    tasks = [task(polygon("tree", (1, 0), (3, 0), (3, 2), (1, 2)), brush("car", box(0, 4, 2, 6)))]
    source = LabelStudio(FILE, tasks)
    assert (source.names, source.lists_names) == (("car", "tree"), False)  # in alphabetical order
    expected = np.full((H, W), 2)  # unlabelled
    expected[:, 2:] = 0
    expected[:2, 1:3] = 1  # smaller, hence on top
    np.testing.assert_array_equal(read(tasks, photos), expected)


def test_an_image_with_nothing_in_it_has_its_own_size(photos):
    assert read([task()], photos, size=(9, 5)).tolist() == [[0] * 9] * 5


@pytest.mark.parametrize(
    "image",
    [
        "a.jpg",
        "/data/upload/12/0123abcd-a.jpg",
        "/data/local-files/?d=some/where/a.jpg",
        "s3://bucket/some%20where/a.jpg",
        "https://host/x/a.jpg?X-Amz-Expires=60",
    ],
)
def test_an_image_may_be_a_url(photos, image):
    assert read([task(image=image)], photos).shape == (H, W)


def test_the_image_may_have_another_key(photos):
    tasks = [{"data": {"n": 3, "note": "x", "photo": "b.jpg"}, "annotations": [{"result": []}]}]
    assert list(LabelStudio(FILE, tasks).pair(photos("a.jpg", "b.jpg")).labels) == ["b"]


def test_the_annotation_changed_last_that_was_not_skipped_counts(photos):
    old, new, skipped = (
        {"result": [brush(name, box(0, 4, 0, 6))], "updated_at": when, "was_cancelled": skip}
        for name, when, skip in (
            ("old", "2024-01-01T10:00", False),
            ("new", "2024-01-02T09:00", False),
            ("skipped", "2024-01-03T09:00", True),
        )
    )
    source = LabelStudio(FILE, [{"data": {"image": "a.jpg"}, "annotations": [new, skipped, old]}])
    assert source.names == ("new",)


def test_what_is_no_mask_is_counted(photos):
    square = {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["car"]}
    bare = {"format": "rle", "rle": encode_mask(box(0, 1, 0, 1))}
    tasks = [
        task(
            result(square),
            polygon("tree", (0, 0), (1, 1)),
            result(bare, id="unlabelled"),
            # A Brush with Labels is written twice, with and without its label.
            result(bare, id="twice"),
            result({**bare, "labels": ["car"]}, id="twice"),
            {"value": {"choices": ["sharp"]}, "id": "quality"},
        ),
        {"data": {"image": "b.jpg"}, "annotations": []},
    ]
    source = LabelStudio(FILE, tasks)
    assert set(source.notes) == {
        "project.json: 1 rectangles, ellipses or points are no masks",
        "project.json: 1 polygons have fewer than three corners",
        "project.json: 1 regions have no label",
        "project.json: 1 tasks have no annotation",
    }
    assert list(source.pair(photos("a.jpg", "b.jpg")).labels) == ["a"]
    assert (read(tasks, photos) == 0).sum() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_rotation": 90}, "drawn on images of several sizes, or on a rotated one"),
        ({"original_width": W + 1}, "drawn on images of several sizes"),
    ],
)
def test_regions_that_do_not_lie_on_the_image_are_refused(photos, change, message):
    turned = {**brush("car", box(0, 4, 0, 6)), **change}
    with pytest.raises(
        ValueError, match=rf"project\.json, image '\S*a\.jpg': its regions .*{message}"
    ):
        read([task(brush("car", box(0, 1, 0, 1)), turned)], photos)


def test_a_damaged_stroke_is_refused_with_its_image(photos):
    stroke = brush("car", box(0, 4, 0, 6))
    stroke["value"]["rle"] = stroke["value"]["rle"][:8]
    with pytest.raises(ValueError, match=r"project\.json, image \S*a\.jpg': a brush stroke is dam"):
        read([task(stroke)], photos)


def test_a_task_without_image_is_refused():
    with pytest.raises(ValueError, match=r"the data of task 5 name no image file: {'image': 'a'}"):
        LabelStudio(FILE, [task(image="a")])


def test_the_short_export_is_another_format():
    assert LabelStudio.recognises([task()])
    assert not LabelStudio.recognises([{"image": "a.jpg", "tag": []}])
    assert not LabelStudio.recognises([]) and not LabelStudio.recognises({"data": 1})
