"""Which files are meant, and what their results are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zs3.inference.inputs import find_inputs


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.PNG", "deep/er/a.gif", "notes.txt", "clip.mp4", ".hidden.jpg"):
        path = Path("photos", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("photos")


def names(*inputs, **options) -> dict[str, str]:
    return {str(file): name for file, name in find_inputs(inputs, **options).items()}


def test_a_folder_is_searched_to_the_bottom_for_images(photos):
    assert names(photos) == {
        "photos/a.jpg": "a",
        "photos/b.PNG": "b",
        "photos/deep/er/a.gif": "deep/er/a",
    }
    assert list(names(photos)) == sorted(names(photos))


def test_folders_of_results_are_not_searched(photos):
    assert list(names(photos, without=[photos / "deep"])) == ["photos/a.jpg", "photos/b.PNG"]


def test_linked_folders_are_searched(photos):
    Path("elsewhere").mkdir()
    Path("elsewhere/c.jpg").touch()
    (photos / "link").symlink_to(Path("elsewhere").absolute())
    (photos / "deep/loop").symlink_to(photos.absolute())
    assert set(names(photos).values()) == {"a", "b", "deep/er/a", "link/c"}
    assert set(names("photos/**/*.[jg]*").values()) == {"a", "deep/er/a", "link/c"}
    assert "link/c" not in names(photos, without=[Path("elsewhere")]).values()


def test_what_looks_like_an_image_is_listed_whatever_it_is(photos):
    (photos / "folder.jpg").mkdir()
    (photos / "dangling.jpg").symlink_to("nowhere")
    assert {"photos/folder.jpg", "photos/dangling.jpg"} <= set(names(photos))


def test_files_are_taken_as_they_are(photos):
    assert names(photos / "clip.mp4", photos / "notes.txt") == {
        "photos/clip.mp4": "clip",
        "photos/notes.txt": "notes",
    }


def test_a_pattern_keeps_the_places_below_its_fixed_part(photos):
    assert names("photos/**/a.*") == {"photos/a.jpg": "a", "photos/deep/er/a.gif": "deep/er/a"}
    (photos / "[1].jpg").touch()
    assert names("photos/[1].jpg") == {"photos/[1].jpg": "[1]"}


def test_a_list_keeps_its_order_and_places(photos):
    listing = Path("list.txt")
    listing.write_bytes(b"\xef\xbb\xbfphotos/b.PNG\r\n\nmissing one.jpg\nphotos/\xff.jpg\n")
    expected = {
        "photos/b.PNG": "photos/b",
        "missing one.jpg": "missing one",
        os.fsdecode(b"photos/\xff.jpg"): os.fsdecode(b"photos/\xff"),
    }
    assert names("@list.txt") == expected
    assert names(lists=[listing]) == expected
    listing.write_text(f"{photos.absolute() / 'a.jpg'}\n../photos/a.jpg")
    assert list(names("@list.txt").values()) == ["a.jpg", "a.jpg.2"]


def test_a_file_that_begins_like_a_list_is_a_file(photos):
    Path("@a.jpg").touch()
    assert names("@a.jpg") == {"@a.jpg": "@a"}


def test_results_of_one_name_are_told_apart(photos):
    (photos / "a.png").touch()
    (photos / "A.PNG").touch()
    assert names(photos) == {
        "photos/A.PNG": "A.PNG",
        "photos/a.jpg": "a.jpg",
        "photos/a.png": "a.png.2",
        "photos/b.PNG": "b",
        "photos/deep/er/a.gif": "deep/er/a",
    }


def test_names_at_the_limit_of_file_systems_are_shortened(photos):
    for end in "xy":
        (photos / f"{'ä' * 120}{end}.jpg").touch()
    long = [name for name in names(photos).values() if name.startswith("ä")]
    assert long == ["ä" * 90, "ä" * 90 + ".2"]


def test_nothing_to_do_is_said(photos):
    with pytest.raises(ValueError, match="'missing' does not exist; give image"):
        find_inputs(["missing"])
    with pytest.raises(ValueError, match=r"'photos/\*\.bmp' does not exist"):
        find_inputs(["photos/*.bmp"])
    with pytest.raises(ValueError, match=r"list missing\.txt cannot be read: No such file"):
        find_inputs(["@missing.txt"])
    Path("empty").mkdir()
    with pytest.raises(ValueError, match=r"no images in empty; looked for \.jpg"):
        find_inputs(["empty"])
