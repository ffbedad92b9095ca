import numpy as np
import pytest
from PIL import Image

from zs3.data import register_folder
from zs3.data.check import ERROR, NOTICE, WARNING, check_parts, part_of_name, parts_of_description
from zs3.data.datasets import register_shapes
from zs3.data.datasets.shapes import ShapesSet, shapes_samples
from zs3.data.description import read_description
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

DESCRIPTION = """
names: [sky, road, tree]
unseen: [tree]
train: {images: images/train, labels: labels/train}
val: {images: images/val, labels: labels/val}
"""


@pytest.fixture
def data(tmp_path):
    """Writes pairs of an image and labels; images differ, unless they are given one tone."""

    class Data:
        tones = 0

        def add(self, part, name, labels, tone=None, image_size=None):
            labels = np.array(labels, np.uint8)
            for folder in ("images", "labels"):
                (tmp_path / folder / part).mkdir(parents=True, exist_ok=True)
            self.tones += 20
            size = image_size or labels.shape[::-1]
            Image.new("RGB", size, (tone or self.tones, 0, 0)).save(self.image(part, name))
            Image.fromarray(labels).save(self.labels(part, name))

        def image(self, part, name):
            return tmp_path / "images" / part / f"{name}.jpg"

        def labels(self, part, name):
            return tmp_path / "labels" / part / f"{name}.png"

        def check(self, jobs=1, text=DESCRIPTION):
            (tmp_path / "streets.yaml").write_text(text)
            return check_parts(
                parts_of_description(read_description(tmp_path / "streets.yaml")), jobs
            )

    data = Data()
    data.add("train", "a", [[0, 1, 255]])
    data.add("train", "b", [[0, 0, 2], [2, 2, 2]])
    data.add("val", "c", [[0, 1, 2]])
    return data


def findings(counts, level):
    return [
        (finding.part, finding.kind, finding.item)
        for count in counts
        for finding in count.findings
        if finding.level == level
    ]


def test_classes_are_counted_by_pixels_and_images(data):
    train, val = data.check()
    assert (train.part.name, train.part.is_training) == ("streets_train", True)
    assert (train.pixels.tolist(), train.images.tolist()) == ([3, 1, 4], [2, 1, 1])
    assert train.ignored == 1 and dict(train.sizes) == {(3, 1): 1, (3, 2): 1}
    assert (val.part.name, val.part.is_training) == ("streets_val", False)
    assert (val.pixels.tolist(), val.images.tolist(), val.ignored) == ([1, 1, 1], [1, 1, 1], 0)


def test_a_sound_dataset_has_notices_only(data):
    counts = data.check()
    assert not findings(counts, ERROR) and not findings(counts, WARNING)
    assert findings(counts, NOTICE) == [
        (
            "streets_train",
            "unseen classes, whose pixels training will ignore",
            "tree: 4 pixels in 1 image",
        )
    ]


def test_every_problem_is_found_at_once(data):
    data.add("train", "empty", [[255, 255]])
    data.add("train", "outside", [[0, 7]])
    data.add("train", "larger", [[0, 1]], image_size=(3, 1))
    data.add("train", "cut", [[0, 1]])
    data.image("train", "cut").write_bytes(data.image("train", "cut").read_bytes()[:-60])
    data.add("train", "unlabelled", [[0, 1]])
    data.labels("train", "unlabelled").unlink()
    data.add("val", "alone", [[0, 1]])
    data.image("val", "alone").unlink()
    data.add("val", "text", [[0, 1]])
    data.labels("val", "text").write_text("no picture")
    errors = findings(data.check(), ERROR)
    assert [(part, kind) for part, kind, _ in errors] == [
        ("streets_train", "images without labels"),
        ("streets_train", "images that cannot be read"),
        ("streets_train", "label maps of another size than their image"),
        ("streets_train", "labels that cannot be used"),
        ("streets_val", "labels without image"),
        ("streets_val", "labels that cannot be used"),
    ]
    for (_, _, item), name in zip(
        errors, ("unlabelled", "cut", "larger", "outside", "alone", "text"), strict=True
    ):
        assert name in item
    assert "label 7, which is neither a class nor ignored" in errors[3][2]
    warnings = findings(data.check(), WARNING)
    assert (
        "streets_train",
        "images without a labelled pixel",
        str(data.image("train", "empty")),
    ) in (warnings)


def test_classes_that_do_not_occur_are_told(data):
    data.add("train", "a", [[0, 0]])
    data.add("val", "c", [[1, 255]])
    assert findings(data.check(), WARNING) == [
        ("streets_train", "seen classes without a pixel", "road"),
        ("streets_val", "classes without a pixel, which get no score", "sky"),
        ("streets_val", "classes without a pixel, which get no score", "tree"),
    ]


def test_images_of_the_same_content_are_told(data):
    data.add("train", "d", [[0, 1, 0]], tone=250)
    data.add("train", "e", [[1, 1, 0]], tone=250)
    data.add("val", "f", [[1, 1, 0]], tone=250)
    counts = data.check()
    shared = f"{data.image('val', 'f')} = {data.image('train', 'd')}"
    assert findings(counts, WARNING) == [
        ("streets_val", "images that are in streets_train as well", shared)
    ]
    twice = f"{data.image('train', 'd')} = {data.image('train', 'e')}"
    assert ("streets_train", "images with the same content", twice) in findings(counts, NOTICE)


def test_a_part_that_cannot_be_listed_does_not_hide_the_other(data):
    counts = data.check(text=DESCRIPTION.replace("images/val", "images/vla"))
    assert findings(counts, ERROR) == [
        ("streets_val", "cannot be listed", findings(counts, ERROR)[0][2])
    ]
    assert "images of val should be in" in findings(counts, ERROR)[0][2]
    assert counts[0].pixels.sum() == 8


def test_files_with_the_same_name_hide_nothing(data):
    data.add("train", "outside", [[0, 7]])
    twice = data.image("train", "a").with_suffix(".png")
    twice.write_bytes(data.image("train", "a").read_bytes())
    again = data.labels("train", "b").with_suffix(".tif")
    Image.open(data.labels("train", "b")).save(again)
    errors = findings(data.check(), ERROR)
    assert [(kind, item) for _, kind, item in errors[:2]] == [
        ("images with the same name", f"{data.image('train', 'a')} = {twice}"),
        ("labels that are not of one image each", f"{data.labels('train', 'b')} = {again}"),
    ]
    assert [kind for _, kind, _ in errors[2:]] == ["labels that cannot be used"]


@pytest.mark.parametrize(
    "text",
    [
        "split: {images: images/train, labels: labels/train, val_percent: 50}",
        "train: &all {images: images/train, labels: labels/train}\nval: *all",
    ],
)
def test_what_concerns_files_that_parts_share_is_said_once(data, text):
    data.labels("train", "b").unlink()
    data.add("train", "c", [[0, 1]])
    errors = findings(data.check(text=f"names: [sky, road, tree]\n{text}"), ERROR)
    image = str(data.image("train", "b"))
    assert errors == [("streets_train, streets_val", "images without labels", image)]


def test_nothing_follows_from_a_part_that_cannot_be_listed(data):
    counts = data.check(text=DESCRIPTION.replace("labels/", "lables/"))
    assert [kind for _, kind, _ in findings(counts, ERROR)] == ["cannot be listed"] * 2
    assert findings(counts, WARNING) == []


def test_a_part_without_images_is_an_error(data):
    split = "split: {images: images/train, labels: labels/train, val_percent: 9}"
    counts = data.check(text=f"names: [sky, road, tree]\n{split}")
    ((part, kind, item),) = findings(counts, ERROR)
    assert (part, kind) == ("streets_val", "no images")
    assert item.endswith("streets.yaml leaves none for val")


def test_the_number_of_processes_changes_nothing(data):
    data.add("train", "outside", [[0, 7]])
    one, two = data.check(jobs=1), data.check(jobs=2)
    for level in (ERROR, WARNING, NOTICE):
        assert findings(one, level) == findings(two, level)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels)


@pytest.fixture
def registered(data, tmp_path):
    (tmp_path / "streets.yaml").write_text(DESCRIPTION)
    register_folder(tmp_path / "streets.yaml")
    yield data
    for part in ("train", "val"):
        DatasetCatalog.remove(f"streets_{part}")
        MetadataCatalog.remove(f"streets_{part}")


def test_a_described_dataset_can_be_checked_by_name(registered):
    registered.labels("train", "b").unlink()
    part = part_of_name("streets_train", is_training=True)
    assert [finding.kind for finding in part.findings] == ["images without labels"]
    assert part.vocabulary.unseen == ("tree",)


def test_a_dataset_that_is_drawn_can_be_checked(monkeypatch):
    register_shapes()
    samples = shapes_samples("drawn", "mixed", ShapesSet(seed=2, count=3))
    monkeypatch.setattr("zs3.data.check.load_dataset", lambda name: samples)
    (count,) = check_parts([part_of_name("shapes_mixed_test", is_training=False)], jobs=1)
    assert count.pixels.sum() == 3 * 96 * 96 and dict(count.sizes) == {(96, 96): 3}
    assert len(count.digests) == 3


def test_a_dataset_that_cannot_be_had_is_a_finding(monkeypatch):
    register_shapes()

    def missing(name):
        raise FileNotFoundError("there is no folder VOC2012; see datasets/prepare.")

    monkeypatch.setattr("zs3.data.check.load_dataset", missing)
    part = part_of_name("shapes_mixed_test", is_training=False)
    assert [(f.level, f.kind) for f in part.findings] == [(ERROR, "cannot be listed")]
    with pytest.raises(ValueError, match="no dataset is called 'shapes_mixed_tset'"):
        part_of_name("shapes_mixed_tset", is_training=False)
