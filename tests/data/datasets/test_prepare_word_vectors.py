"""A small table answers as the published file does."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch

from zs3.data import vocabulary_of
from zs3.text import TextBank, WordVectors

VOC = "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike"
WORDS = [*VOC.split(), "person", "potted", "plant", "sheep", "sofa", "train", "television"]
ROWS = np.random.default_rng(0).normal(size=(len(WORDS), 3)).astype(np.float32)


@pytest.fixture
def vectors(tmp_path):
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(WORDS, ROWS, strict=True)]
    (tmp_path / "glove.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "glove.txt"


def binary(path, words=WORDS, rows=ROWS):
    content = f"{len(words)} {rows.shape[1]}\n".encode()
    for word, row in zip(words, rows, strict=True):
        content += word.encode() + b" " + row.astype("<f4").tobytes() + b"\n"
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def prepare(script, tmp_path):
    def run(vectors, *options):
        output = tmp_path / "out" / "small.npz"
        files = ["--vectors", str(vectors), "--output", str(output)]
        script("word_vectors").main([*files, "--datasets", "voc2012_15-5_val", *options])
        return output

    return run


def test_the_table_answers_as_the_file_does(prepare, vectors):
    small = prepare(vectors, "--alias", "tvmonitor=television")
    vocabulary = vocabulary_of("voc2012_15-5_val")
    aliases = [("tvmonitor", "television")]
    expected = TextBank(WordVectors(files=[str(vectors)], aliases=aliases))([vocabulary])
    torch.testing.assert_close(TextBank(WordVectors(files=[str(small)]))([vocabulary]), expected)
    with np.load(small) as arrays:
        assert arrays["names"].tolist() == list(vocabulary.names)
        np.testing.assert_allclose(arrays["vectors"][15], ROWS[15:17].mean(0), rtol=1e-6)


def test_google_news_form_gives_the_same_table(prepare, vectors, tmp_path):
    alias = ("--alias", "tvmonitor=television")
    with np.load(prepare(vectors, *alias)) as arrays:
        expected = arrays["vectors"]
    for name in ("word2vec.bin", "word2vec.bin.gz"):
        with np.load(prepare(binary(tmp_path / name), *alias)) as arrays:
            np.testing.assert_allclose(arrays["vectors"], expected, rtol=1e-6)


def test_unit_length(prepare, vectors):
    with np.load(prepare(vectors, "--alias", "tvmonitor=television", "--unit")) as arrays:
        np.testing.assert_allclose(np.linalg.norm(arrays["vectors"], axis=1), 1, rtol=1e-6)


def test_synonyms_keep_rows_of_their_own(script, tmp_path):
    module = script("word_vectors")
    path = tmp_path / "two.txt"
    path.write_text("building 1 2\nedifice 3 4\nwall 5 6\n")
    vocabulary = module.Vocabulary.of(["house-x", "wall"], (), {"house-x": ["building", "edifice"]})
    names = module.row_names(vocabulary, WordVectors(files=[str(path)]))
    assert names == {"building": "building", "edifice": "edifice", "wall": "wall"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), r"has no row for \['tvmonitor'\]; .* --alias \"tvmonitor=WORDS\""),
        (("--alias", "television"), "'television' is no pair"),
        (("--datasets", "voc2012_vall"), "no dataset is called 'voc2012_vall'. Did you mean"),
        (("--vectors", "missing.vec"), "there is no file missing.vec"),
    ],
)
def test_mistakes_are_one_line(prepare, vectors, options, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stop:
        prepare(vectors, *options)
    assert "\n" not in str(stop.value)


def test_a_file_that_is_cut_off_is_refused(prepare, tmp_path):
    path = binary(tmp_path / "short.bin")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SystemExit, match=r"short\.bin ends after 20 of 21 words"):
        prepare(path)
    path.write_bytes(b"\x00\x01\x02")
    with pytest.raises(SystemExit, match="does not begin with a line of two numbers"):
        prepare(path)
