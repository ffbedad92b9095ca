import gzip
import json

import numpy as np
import pytest

from zs3.text.tables import open_table

ROWS = np.arange(6, dtype=np.float16).reshape(2, 3)


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "one.npz", vectors=ROWS, names=["cat", "owl"])
    np.savez(tmp_path / "two.npz", a=ROWS, b=-ROWS, class_names=["cat", "owl"], other=["x", "y"])
    np.save(tmp_path / "rows.npy", ROWS)
    (tmp_path / "names.json").write_text(json.dumps(["cat", "owl"]))
    (tmp_path / "nested.json").write_text(json.dumps({"voc": {"names": ["cow", "owl"]}, "n": 2}))
    text = "cat 0 1 2\nowl 3 4 5\n"
    (tmp_path / "plain.txt").write_text(text)
    (tmp_path / "header.vec").write_text("2 3\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "word2vec.vec").write_text("2 3\n" + text)
    rows = (
        word + np.arange(k, k + 3).astype("<f4").tobytes()
        for word, k in ((b"cat ", 0), (b"owl ", 3))
    )
    (tmp_path / "word2vec.bin").write_bytes(b"2 3\n" + b"\n".join(rows))
    (tmp_path / "glove.txt.gz").write_bytes(gzip.compress(text.encode()))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "name", "row"),
    [
        ("{}/one.npz", "owl", [3, 4, 5]),
        ("{}/two.npz#b", "owl", [-3, -4, -5]),
        ("{}/two.npz#a,other", "y", [3, 4, 5]),
        ("{0}/rows.npy:{0}/names.json", "cat", [0, 1, 2]),
        ("{0}/rows.npy:{0}/nested.json#voc.names", "cow", [0, 1, 2]),
        ("{}/plain.txt", "owl", [3, 4, 5]),
        ("{}/word2vec.vec", "owl", [3, 4, 5]),
        ("{}/glove.txt.gz", "cat", [0, 1, 2]),
        ("{}/word2vec.bin", "owl", [3, 4, 5]),
    ],
)
def test_ways_to_write_a_table(folder, source, name, row):
    table = open_table(source.format(folder))
    assert table.shape == (3,)
    found = table.find([name, "zebra"])
    assert found.keys() == {name} and found[name].tolist() == row
    assert len(list(table.names())) == 2


def test_an_array_in_the_order_of_a_class_list(tmp_path):
    np.save(tmp_path / "voc.npy", np.arange(20, dtype=np.float16)[:, None])
    table = open_table(f"{tmp_path}/voc.npy:voc20")
    assert table.find(["tvmonitor"])["tvmonitor"].tolist() == [19]


def test_several_embeddings_a_name(tmp_path):
    np.savez(tmp_path / "many.npz", text=np.ones((2, 4, 3)), names=["cat", "owl"])
    table = open_table(f"{tmp_path}/many.npz")
    assert table.shape == (4, 3) and table.find(["cat"])["cat"].shape == (4, 3)


def test_a_text_file_is_read_for_new_names_only_and_its_first_row_counts(folder):
    path = folder / "plain.txt"
    path.write_text(path.read_text() + "owl 9 9 9\n")
    table = open_table(str(path))
    assert table.find(["owl", "zebra"])["owl"].tolist() == [3, 4, 5]
    path.unlink()
    assert table.find(["zebra", "owl"]).keys() == {"owl"}


def test_the_nearest_names(folder):
    assert open_table(f"{folder}/plain.txt").nearest("cats") == ["cat"]
    assert open_table(f"{folder}/one.npz").nearest("Owl") == ["owl"]


def test_the_digest_follows_contents_and_choice_but_not_the_folder(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "two.npz").write_bytes((folder / "two.npz").read_bytes())
    digests = [
        open_table(f"{place}/two.npz#{a}").digest() for place in (folder, elsewhere) for a in "ab"
    ]
    assert digests[:2] == digests[2:] and digests[0] != digests[1]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{}/nowhere.npz", "there is no file .*nowhere.npz"),
        ("{}/nowhere.txt", "there is no file .*nowhere.txt"),
        ("{}/rows.npy", 'has no names; write ".*rows.npy:NAMES.json"'),
        (
            "{0}/rows.npy:{0}/nested.json#voc.classes",
            "nested.json has no list of names at 'voc.classes'",
        ),
        ("{0}/rows.npy:{0}/nested.json#n.names", "no list of names"),
        ("{}/rows.npy:voc22", "no class list 'voc22'; there are .* Did you mean 'voc2"),
        ("{}/rows.npy:voc20", "has 2 rows, but 20 names"),
        ("{}/two.npz", r"there are \['a', 'b', 'class_names', 'other'\]; write"),
        ("{}/two.npz#c", "does not say which arrays"),
        ("{}/names.json", "line 1 of .*names.json is not a word and 1 numbers"),
        ("{}/header.vec", "line 2 of .*header.vec is not a word and 3 numbers"),
        ("{}/empty.txt", "line 1 of .*empty.txt is not a word"),
    ],
)
def test_tables_that_are_not_there(folder, source, complaint):
    with pytest.raises(ValueError, match=complaint):
        open_table(source.format(folder))


@pytest.mark.parametrize(
    ("rows", "names", "complaint"),
    [
        (np.ones((2, 3)), ["cat"], "2 rows, but 1 names"),
        (np.ones((2, 3)), ["cat", "cat"], r"several rows for \['cat'\]"),
        (np.ones(2), ["cat", "owl"], r"float64 \(2,\); expected floats"),
        (np.ones((2, 3), int), ["cat", "owl"], r"int64 \(2, 3\); expected floats"),
        (np.full((2, 3), np.nan), ["cat", "owl"], "not finite"),
    ],
)
def test_tables_that_make_no_sense(tmp_path, rows, names, complaint):
    np.savez(tmp_path / "bad.npz", rows=rows, names=names)
    with pytest.raises(ValueError, match=complaint):
        open_table(f"{tmp_path}/bad.npz#rows")


def test_a_line_that_is_no_row(folder):
    (folder / "plain.txt").write_text("cat 0 1 2\nowl 3 4\n")
    with pytest.raises(ValueError, match=r"line 2 of .*plain.txt is not a word and 3 numbers"):
        open_table(f"{folder}/plain.txt").find(["owl"])
