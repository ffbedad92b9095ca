from pathlib import Path

import pytest

from zs3.data.annotations.matching import files_by_key, key_of, pair_by_file_name

FILES = Path("photos")


def paired(spellings, keys):
    images = {key: FILES / f"{key}.jpg" for key in keys}
    pairs = pair_by_file_name(((file, file) for file in spellings), images, "labels.json")
    return pairs.labels, pairs.alone


@pytest.mark.parametrize(
    ("spelled", "key"),
    [
        ("a.jpg", "a"),
        ("a.b.PNG", "a.b"),
        ("a.b", "a.b"),
        ("images/default/a.jpg", "a"),
        ("images\\may\\a.jpg", "may/a"),
        ("a.jpg", "2024/may/a"),
        ("may/a.jpg", "2024/may/a"),
        ("/data/upload/3/1a2b3c4d-a.jpg", "a"),
        ("1a2b3c4d-photo_1_x.jpg", "photo 1 (x)"),
        ("photo_1.jpg", "photo 1"),
        ("1a2b3c4d-a.jpg", "1a2b3c4d-a"),
    ],
)
def test_an_image_is_found_however_it_is_spelled(spelled, key):
    assert paired([spelled], [key, "other"]) == ({key: spelled}, [])


def test_the_one_with_more_folders_in_common_wins_then_the_one_in_fewer():
    keys = ["a", "x/a", "y/a", "y/x/a"]
    assert paired(["z/y/a.jpg"], keys)[0] == {"y/a": "z/y/a.jpg"}
    assert paired(["x/a.jpg"], keys)[0] == {"x/a": "x/a.jpg"}
    assert paired(["z/a.jpg"], keys)[0] == {"a": "z/a.jpg"}


def test_what_has_no_image_is_told():
    assert paired(["a.jpg", "b.jpg"], ["a"]) == ({"a": "a.jpg"}, ["b.jpg (in labels.json)"])


def test_what_fits_two_images_or_is_there_twice_is_told_and_the_others_are_paired():
    images = {key: FILES / f"{key}.jpg" for key in ("x/a", "y/a", "b", "c")}
    spelled = ["a.jpg", "1/b.jpg", "2/b.jpg", "c.jpg"]
    pairs = pair_by_file_name(((file, file) for file in spelled), images, "labels.json")
    assert pairs.labels == {"b": "1/b.jpg", "c": "c.jpg"} and not pairs.alone
    assert pairs.unclear == [
        "labels.json: 'a.jpg' may be photos/x/a.jpg or photos/y/a.jpg; give the files different "
        "names",
        "labels.json: '1/b.jpg' and '2/b.jpg' are both the image photos/b.jpg; keep one of them",
    ]


def test_only_extensions_of_images_are_cut_off():
    assert [key_of(p) for p in ("a/b.JPG", "a/b.1", "a.tif")] == ["a/b", "a/b.1", "a"]


def test_files_have_the_key_of_their_path(tmp_path):
    for name in ("b.png", "x/a.png", "x/.hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = files_by_key(tmp_path, (".png",), "masks")
    assert found == ({"b": tmp_path / "b.png", "x/a": tmp_path / "x" / "a.png"}, [])
    (tmp_path / "b.jpg").touch()
    assert files_by_key(tmp_path, (".png", ".jpg"), "masks") == (
        {"b": tmp_path / "b.jpg", "x/a": tmp_path / "x" / "a.png"},
        [f"{tmp_path / 'b.jpg'} = {tmp_path / 'b.png'}"],
    )
