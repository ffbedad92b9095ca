import pytest

from zs3.text import PrecomputedText, TextBank, WordVectors, load_clip
from zs3.text.encoder import OpenClipText
from zs3.text.refusals import refused_names
from zs3.vocabulary import Vocabulary


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("cat 3 0\nhair 0 2\ndrier 4 6\n")
    return [str(path)]


@pytest.mark.parametrize(
    ("encoder", "refused"),
    [(WordVectors, ["dog", "wolf"]), (PrecomputedText, ["hair drier", "dog", "wolf"])],
)
def test_every_name_a_table_lacks_is_refused(vectors, encoder, refused):
    bank = TextBank(encoder(files=vectors))
    reasons = refused_names(bank, Vocabulary.of(["hair drier", "dog", "cat", "wolf"]))
    assert list(reasons) == refused
    assert "has no row for ['dog']" in reasons["dog"]


def test_names_that_are_known_are_not_refused(vectors):
    assert refused_names(TextBank(WordVectors(files=vectors)), Vocabulary.of(["cat", "hair"])) == {}


def test_clip_refuses_only_what_is_too_long():
    model, tokenizer = load_clip("shapes_clip")
    bank = TextBank(OpenClipText(model=model, tokenizer=tokenizer))
    reasons = refused_names(
        bank, Vocabulary.of(["red star", "anything else", "very " * 80 + "big"])
    )
    assert len(reasons) == 1
    assert all("tokens that the text encoder reads" in reason for reason in reasons.values())
