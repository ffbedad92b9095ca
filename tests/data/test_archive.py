import zipfile

import pytest

from zs3.data.archive import files_below, is_file, is_folder, modified, open_file

FILES = {"a.txt": b"A", "x/b.txt": b"B", "x/y/c.txt": b"C" * 1000, "x/.hidden": b"", "xx/d": b"D"}


@pytest.fixture(params=["folder", "archive"])
def root(request, tmp_path):
    if request.param == "archive":
        with zipfile.ZipFile(tmp_path / "all.ZIP", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        return tmp_path / "all.ZIP"
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def read(path):
    with open_file(path) as file:
        return file.read()


def test_linked_folders_are_searched(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    (tmp_path / "elsewhere/deep/a.jpg").touch()
    (tmp_path / "images/day1").symlink_to(tmp_path / "elsewhere")
    assert files_below(tmp_path / "images") == [tmp_path / "images/day1/deep/a.jpg"]


def test_a_folder_and_an_archive_are_the_same(root):
    below = [path.relative_to(root).as_posix() for path in files_below(root)]
    assert below == ["a.txt", "x/b.txt", "x/y/c.txt", "xx/d"]
    assert [path.name for path in files_below(root / "x")] == ["b.txt", "c.txt"]
    assert [read(root / name) for name in FILES] == list(FILES.values())
    assert is_folder(root) and is_folder(root / "x") and is_folder(root / "x/y")
    assert is_file(root / "a.txt") and is_file(str(root / "x/y/c.txt"))
    assert not is_file(root) and not is_file(root / "x") and not is_folder(root / "a.txt")
    assert not is_folder(root / "z") and not is_file(root / "b.txt")
    with pytest.raises(FileNotFoundError, match=r"b\.txt"):
        open_file(root / "b.txt")


def test_a_changed_archive_is_opened_again(tmp_path):
    for content in (b"old", b"new"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("a", content)
        assert read(tmp_path / "a.zip/a") == content
    assert modified(tmp_path / "a.zip/a") == (tmp_path / "a.zip").stat().st_mtime_ns


def test_a_damaged_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"a\.zip is no readable zip archive"):
        is_folder(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a", b"content" * 9)
    content = bytearray((tmp_path / "b.zip").read_bytes())
    content[40] ^= 1
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"b\.zip/a cannot be taken out of its archive: Bad CRC"):
        open_file(tmp_path / "b.zip/a")


def test_processes_have_handles_of_their_own(tmp_path, monkeypatch):
    """A forked one would share the position in the file with its parent."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"content")
    opened = []
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: opened.append(path) or archive_of(path))
    archive_of = type(archive)
    for process in (1, 1, 2):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        assert read(tmp_path / "a.zip/a") == b"content"
    assert len(opened) == 2
