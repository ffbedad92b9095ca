import numpy as np
import pytest
import torch

from zs3.text import PrecomputedText, TextBank
from zs3.vocabulary import Vocabulary


@pytest.fixture
def files(tmp_path):
    names = ["cat", "pottedplant", "wall-concrete", "Sky"]
    rows = np.arange(8, dtype=np.float16).reshape(4, 2)
    np.savez(tmp_path / "a.npz", rows=rows, names=names)
    np.savez(tmp_path / "b.npz", rows=10 * rows[::-1], names=names[::-1])
    return [f"{tmp_path}/a.npz", f"{tmp_path}/b.npz"]


def test_rows_by_name_whatever_their_order_and_concatenated(files):
    encoder = PrecomputedText(files=files)
    assert encoder.dim == 4 and encoder.frozen and not encoder.reads_templates
    rows = encoder(["wall-concrete", "cat"])
    assert rows.dtype == torch.float32
    assert rows.tolist() == [[4, 5, 40, 50], [0, 1, 0, 10]]


@pytest.mark.parametrize(
    "name", ["potted plant", "potted_plant", "potted-plant", "Potted Plant", " pottedplant "]
)
def test_other_spellings_of_a_name(files, name):
    assert PrecomputedText(files=files[:1])([name]).tolist() == [[2, 3]]


def test_aliases_come_first(files):
    encoder = PrecomputedText(files=files[:1], aliases=[["cat", "Sky"], ["sofa", "wall concrete"]])
    assert encoder(["cat", "sofa"]).tolist() == [[6, 7], [4, 5]]


def test_a_class_is_looked_up_by_its_name_and_only_then_by_its_synonyms(files):
    prompts = {"cat": ["kitty", "Sky"], "plant": ["pottedplant", "tree"], "none": "nothing"}
    vocabulary = Vocabulary.of(["cat", "plant", "none"], prompts=prompts)
    words = PrecomputedText(files=files).words(vocabulary)
    assert words == [("cat",), ("pottedplant",), ("none",)]


def test_half_precision_rows_are_used_as_they_are(files):
    bank = TextBank(PrecomputedText(files=files[:1]), templates="imagenet", normalize=False)
    assert bank([Vocabulary.of(["Sky", "cat"])]).tolist() == [[[6, 7]], [[0, 1]]]


def test_it_keeps_nothing_in_checkpoints(files):
    assert PrecomputedText(files=files).state_dict() == {}


def test_the_fingerprint_follows_contents_and_aliases(files):
    prints = {PrecomputedText(files=chosen).fingerprint for chosen in (files, files[:1], files[1:])}
    aliased = PrecomputedText(files=files, aliases=[("a", "b")]).fingerprint
    assert len(prints | {aliased}) == 4
    assert PrecomputedText(files=files).fingerprint in prints


def test_an_unknown_name_is_refused_with_the_nearest(files):
    with pytest.raises(ValueError, match=r"a.npz has no row for \['cats', 'x'\] \(2 of 3 names\)"):
        PrecomputedText(files=files)(["cats", "Sky", "x"])
    with pytest.raises(ValueError, match=r"Near 'cats' it has \['cat'\].*MODEL.TEXT.ALIASES"):
        TextBank(PrecomputedText(files=files))([Vocabulary.of(["cats"])])


def test_refusals(files, tmp_path):
    np.savez(tmp_path / "many.npz", rows=np.ones((4, 3, 2)), names=["cat", "a", "b", "c"])
    with pytest.raises(ValueError, match=r"name at least one in MODEL.TEXT.FILES"):
        PrecomputedText(files=[])
    with pytest.raises(ValueError, match=r"rows \[\(2,\), \(3, 2\)\] cannot be concatenated"):
        PrecomputedText(files=[files[0], f"{tmp_path}/many.npz"])
