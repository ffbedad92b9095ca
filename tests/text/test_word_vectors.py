import numpy as np
import pytest
import torch

from zs3.text import TextBank, WordVectors
from zs3.vocabulary import Vocabulary


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("cat 3 0\nhair 0 2\ndrier 4 6\npotted_plant 1 1\nplant 9 9\nfloor 0 8\n")
    return str(path)


def test_a_name_of_several_words_is_their_mean(glove):
    rows = WordVectors(files=[glove])(["hair drier", "floor-cat"])
    assert rows.tolist() == [[2, 4], [1.5, 4]]


def test_a_name_the_file_has_is_not_taken_apart(glove):
    assert WordVectors(files=[glove])(["potted plant"]).tolist() == [[1, 1]]


def test_every_file_finds_a_name_in_its_own_way(glove, tmp_path):
    np.savez(tmp_path / "b.npz", rows=np.array([[7.0]]), names=["hair_drier"])
    encoder = WordVectors(files=[glove, f"{tmp_path}/b.npz"])
    assert encoder.dim == 3 and encoder(["hair drier"]).tolist() == [[2, 4, 7]]


def test_aliases_may_be_several_words(glove):
    assert WordVectors(files=[glove], aliases=[("sofa", "hair drier")])(["sofa"]).tolist() == [
        [2, 4]
    ]


def test_the_concatenation_is_normalised_not_its_parts(glove, tmp_path):
    np.savez(tmp_path / "b.npz", rows=np.array([[4.0]]), names=["cat"])
    vocabulary = Vocabulary.of(["cat"])
    encoder = WordVectors(files=[glove, f"{tmp_path}/b.npz"])
    torch.testing.assert_close(TextBank(encoder)([vocabulary]), torch.tensor([[[0.6, 0.0, 0.8]]]))
    raw = TextBank(encoder, normalize=False)([vocabulary])
    assert raw.tolist() == [[[3, 0, 4]]]


def test_a_name_with_one_unknown_word_is_unknown(glove):
    with pytest.raises(ValueError, match=r"no row for \['hair flowr'\]"):
        WordVectors(files=[glove])(["cat", "hair flowr"])
