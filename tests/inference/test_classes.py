"""Class names as people keep them."""

from __future__ import annotations

import pytest

from zs3.inference.classes import read_classes
from zs3.vocabulary import Vocabulary

TEXT = "\ufeff# things\ntelevision, tv , telly\n\ngrass  # lawns, too\nsofa,\n"


@pytest.mark.parametrize(
    ("name", "content", "classes"),
    [
        ("a.txt", TEXT, {"television": ["television", "tv", "telly"], "grass": 1, "sofa": 1}),
        ("a.json", '["grass", "red star"]', {"grass": 1, "red star": 1}),
        ("a.JSON", '["person, child"]', {"person, child": ["person", "child"]}),
        ("a.json", '{"tv": ["television", "telly"], "cat": "kitty"}',
         {"tv": ["television", "telly"], "cat": ["kitty"]}),
    ],
)  # fmt: skip
def test_files_of_names(tmp_path, name, content, classes):
    (tmp_path / name).write_text(content, encoding="utf-8")
    vocabulary = Vocabulary.of(read_classes(str(tmp_path / name)))
    expected = {name: [name] if words == 1 else words for name, words in classes.items()}
    assert dict(zip(vocabulary.names, map(list, vocabulary.synonyms), strict=True)) == expected


def test_what_is_no_file_are_the_names():
    assert read_classes("red star, grass") == "red star, grass"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "# nothing\n", "a.txt holds no class names"),
        ("a.txt", "cat, kitty\ncat\n", "'cat' has two lines"),
        ("a.json", "[]", "a.json holds no class names"),
        ("a.json", "{", "a.json holds no class names: line 1 is no JSON"),
        ("a.json", '"cat"', "it has no list of names; expected"),
        ("a.json", "[1]", "it has no list of names; expected"),
        ("a.json", '{"cat": 2}', "it has no list of names; expected"),
    ],
)
def test_files_of_no_names_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_classes(str(tmp_path / name))


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.txt cannot be read: No such file"):
        read_classes("nowhere.txt")
    (tmp_path / "latin.txt").write_bytes("Bär".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt holds no class names: it is no UTF-8"):
        read_classes(str(tmp_path / "latin.txt"))


def test_the_vocabulary_of_a_model_is_taken_as_it_is(tmp_path):
    saved = Vocabulary.of({"tv": ["television", "tv"], "cat": "cat"}, unseen=["cat"])
    saved.save(tmp_path / "vocabulary.json")
    assert read_classes(str(tmp_path / "vocabulary.json")) == saved


def test_a_file_means_the_same_to_every_command(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    file = str(tmp_path / "a.txt")
    assert Vocabulary.load(file) == Vocabulary.of(read_classes(file))
