import numpy as np
import pytest
from PIL import Image

from zs3.evaluation.pictures import (
    comparison,
    legend,
    overlay,
    palette,
    save_label_png,
    save_png,
)
from zs3.vocabulary import IGNORE

NAMES = ("grass", "red star", "gravel")
COLOURS = palette(3)


def test_colours_are_distinct_and_do_not_depend_on_their_number():
    colours = palette(847)
    assert colours.shape == (847, 3) and colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) == 847
    assert (palette(36) == colours[:36]).all()
    first = palette(36).astype(int)
    distance = np.abs(first[:, None] - first[None]).max(2) + 255 * np.eye(36, dtype=int)
    assert distance.min() > 25
    assert (np.ptp(first, axis=1) > 20).all()  # none is gray


def checkerboard(height=40, width=60):
    """Image and labels: left grass, right gravel, an unlabelled row at the top."""
    labels = np.zeros((height, width), np.int64)
    labels[:, width // 2 :] = 2
    labels[0] = IGNORE
    return np.full((height, width, 3), 100, np.uint8), labels


def test_overlay_blends_enlarges_and_explains():
    image, labels = checkerboard()
    picture = overlay(image, labels, NAMES, COLOURS, alpha=0.25)
    factor = 5
    height, width = 40 * factor, 60 * factor
    assert picture.dtype == np.uint8 and picture.shape[1] == width and picture.shape[0] > height
    assert (picture[1, 1] == 100).all()  # no label
    expected = np.round(0.75 * 100 + 0.25 * COLOURS[2].astype(float))
    assert np.abs(picture[height - 2, width - 2] - expected).max() <= 1
    key = picture[height:].reshape(-1, 3)
    for k, shown in enumerate((True, False, True)):
        assert (key == COLOURS[k]).all(1).any() == shown


def test_overlay_keeps_the_size_of_large_images():
    image, labels = checkerboard(30, 400)
    assert overlay(image, labels, NAMES, COLOURS).shape[1] == 400


def test_another_value_may_stand_for_no_label():
    image, labels = checkerboard()
    labels[labels == IGNORE] = 255
    picture = overlay(image, labels, NAMES, COLOURS, alpha=1.0, ignore=255)
    assert (picture[1, 1] == 100).all()


def test_comparison_shows_three_pictures():
    image, labels = checkerboard()
    predicted = np.ones_like(labels)
    picture = comparison(image, labels, predicted, NAMES, COLOURS, unseen=["gravel"])
    middle = picture[100, :, :].astype(int)
    third = picture.shape[1] // 3
    assert (middle[5] == 100).all()
    assert (middle[third + 20] == COLOURS[0]).all()
    assert (middle[2 * third - 20] == COLOURS[2]).all()
    assert (middle[-5] == COLOURS[1]).all()


def test_legends_break_lines_cut_long_names_and_mark_unseen_ones():
    one_line = legend([0, 1, 2], NAMES, COLOURS, 600)
    several = legend([0, 1, 2], NAMES, COLOURS, 120)
    assert several.shape[0] > one_line.shape[0] and several.shape[1] == 120
    marked = legend([0, 1, 2], NAMES, COLOURS, 600, unseen=["gravel"])
    assert (marked != one_line).any()
    cut = legend([0], ["person, individual, someone, somebody, mortal, soul"], COLOURS, 150)
    assert (cut[:, -8:] == 255).all()


@pytest.mark.parametrize("width", [1, 3])
def test_tiny_pictures(width):
    image, labels = np.zeros((2000, width, 3), np.uint8), np.zeros((2000, width), int)
    assert overlay(image, labels, NAMES, COLOURS).shape[1] == width
    assert overlay(image[:1], labels[:1], NAMES, COLOURS).shape[0] > 1


def test_sizes_must_agree():
    image, labels = checkerboard()
    with pytest.raises(ValueError, match=r"image is \(40, 60\), but the labels are \(40, 59\)"):
        overlay(image, labels[:, 1:], NAMES, COLOURS)
    with pytest.raises(ValueError, match=r"image is \(40, 60\), but the labels are \(39, 60\)"):
        comparison(image, labels, labels[1:], NAMES, COLOURS)


@pytest.mark.parametrize("count", [3, 255, 256, 300])
def test_labels_of_eight_bits_are_drawn_as_others(count):
    """300 classes and 255 for none: 300 does not fit into 8 bits, nor does 65535."""
    image, labels = checkerboard()
    colours, names = palette(count), [f"class {k}" for k in range(count)]
    narrow = np.where(labels == IGNORE, 255, labels).astype(np.uint8)
    for draw in (
        lambda labels, ignore: overlay(image, labels, names, colours, ignore=ignore),
        lambda labels, ignore: comparison(image, labels, labels, names, colours, ignore=ignore),
    ):
        assert (draw(narrow, 255) == draw(labels, IGNORE)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_labels_that_are_no_class_are_not_drawn(dtype):
    image, labels = checkerboard()
    labels = np.where(labels == IGNORE, 255, labels).astype(dtype)
    message = r"labels contain 255, but there are 3 classes; expected 0\.\.2, or 65535"
    with pytest.raises(ValueError, match=message):
        overlay(image, labels, NAMES, COLOURS)
    with pytest.raises(ValueError, match=message):
        comparison(image, np.zeros_like(labels), labels, NAMES, COLOURS)


def test_labels_as_an_indexed_png(tmp_path):
    labels = np.array([[0, 1, 2], [2, IGNORE, 0]])
    save_label_png(tmp_path / "labels.png", labels, COLOURS)
    with Image.open(tmp_path / "labels.png") as file:
        assert file.mode == "P"
        assert np.asarray(file).tolist() == [[0, 1, 2], [2, 255, 0]]
        assert (np.asarray(file.convert("RGB"))[0, 1] == COLOURS[1]).all()
        assert not np.asarray(file.convert("RGB"))[1, 1].any()


@pytest.mark.parametrize(("count", "mode"), [(255, "P"), (256, "I;16"), (847, "I;16")])
def test_labels_of_large_vocabularies_take_sixteen_bits(tmp_path, count, mode):
    labels = np.array([[0, count - 1, IGNORE]])
    save_label_png(tmp_path / "labels.png", labels, palette(count))
    with Image.open(tmp_path / "labels.png") as file:
        assert file.mode == mode
        assert np.asarray(file).tolist() == [[0, count - 1, 255 if mode == "P" else IGNORE]]


@pytest.mark.parametrize("wrong", [3, -1])
def test_labels_that_are_no_class_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=rf"labels contain {wrong}, but there are 3 classes"):
        save_label_png(tmp_path / "labels.png", np.array([[0, wrong]]), COLOURS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "save", [save_png, lambda path, array: save_label_png(path, array, COLOURS)]
)
def test_png_is_not_written_under_another_name(tmp_path, save):
    with pytest.raises(ValueError, match=r"written as PNG, so '.*picture\.jpg' must end in \.png"):
        save(tmp_path / "picture.jpg", np.zeros((2, 2), np.uint8))
    assert not list(tmp_path.iterdir())


def test_pictures_are_written_as_they_are(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    save_png(tmp_path / "picture.png", picture)
    with Image.open(tmp_path / "picture.png") as file:
        assert (np.asarray(file) == picture).all()
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
