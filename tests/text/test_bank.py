import hashlib
import logging

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zs3.text import TextBank, TextEncoder
from zs3.text import bank as bank_module
from zs3.vocabulary import Vocabulary

D = 5
VOCABULARY = Vocabulary.of(["cat", "sofa, couch", "owl"])


class Embedding(TextEncoder):
    """A fixed pseudo-random vector for a prompt, times a weight; remembers what it was asked."""

    def __init__(self, frozen: bool = True):
        super().__init__()
        self.dim = D
        self.weight = nn.Parameter(torch.tensor([2.0] * D), requires_grad=not frozen)
        self.asked: list[str] = []

    def forward(self, prompts):
        self.asked += prompts
        seeds = [int(hashlib.sha256(prompt.encode()).hexdigest()[:8], 16) for prompt in prompts]
        rows = [torch.randn(D, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows) * self.weight

    @property
    def fingerprint(self):
        return str(self.weight.tolist())


class Table(TextEncoder):
    """Two embeddings for every name, as a precomputed (K, P, D) has."""

    reads_templates = False
    dim = 2

    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.tensor([[3.0, 4.0], [0.0, 2.0]]))

    def forward(self, prompts):
        assert prompts == ["cat", "owl"]
        return self.rows.expand(len(prompts), 2, 2)


def unit(*prompts):
    return F.normalize(Embedding()(list(prompts)), dim=-1)


def test_an_ensemble_is_the_unit_mean_of_unit_prompts_of_all_templates_and_synonyms():
    encoder = Embedding()
    text = TextBank(encoder, templates=["a {}", "the {}."])([VOCABULARY])
    assert text.shape == (3, 1, D)
    couch = unit("a sofa", "a couch", "the sofa.", "the couch.")
    torch.testing.assert_close(text[1, 0], F.normalize(couch.mean(0), dim=0))
    torch.testing.assert_close(text.norm(dim=-1), torch.ones(3, 1))
    # Templates outside, synonyms inside.
    assert encoder.asked[2:6] == ["a sofa", "a couch", "the sofa.", "the couch."]


def test_without_ensemble_synonyms_are_averaged_within_their_template():
    text = TextBank(Embedding(), templates=["a {}", "the {}."], ensemble=False)([VOCABULARY])
    assert text.shape == (3, 2, D)
    expected = F.normalize(unit("the sofa.", "the couch.").mean(0), dim=0)
    torch.testing.assert_close(text[1, 1], expected)
    torch.testing.assert_close(text[0, 0], unit("a cat")[0])


def test_the_first_synonym_alone():
    text = TextBank(Embedding(), templates="name", synonyms="first")([VOCABULARY])
    torch.testing.assert_close(text[1, 0], unit("sofa")[0])


def test_without_normalising():
    text = TextBank(Embedding(), templates="name", normalize=False)([VOCABULARY])
    torch.testing.assert_close(text[1, 0], Embedding()(["sofa", "couch"]).mean(0))


def test_tables_ignore_templates_and_may_bring_several_embeddings():
    vocabulary = Vocabulary.of(["cat", "owl"])
    kept = TextBank(Table(), templates="imagenet", ensemble=False)([vocabulary])
    torch.testing.assert_close(kept, torch.tensor([[[0.6, 0.8], [0.0, 1.0]]]).expand(2, 2, 2))
    averaged = TextBank(Table())([vocabulary])
    torch.testing.assert_close(averaged[0, 0], F.normalize(torch.tensor([0.3, 0.9]), dim=0))
    as_stored = TextBank(Table(), normalize=False)([vocabulary])
    torch.testing.assert_close(as_stored[1, 0], torch.tensor([1.5, 3.0]))


def test_however_many_prompts_fit_in_a_pass(monkeypatch):
    bank = TextBank(Embedding(), templates="imagenet_select")
    expected = bank([VOCABULARY])
    monkeypatch.setattr(bank_module, "_PROMPTS_A_PASS", 5)
    torch.testing.assert_close(
        TextBank(Embedding(), templates="imagenet_select")([VOCABULARY]), expected
    )


def test_one_vocabulary_or_one_an_image():
    bank = TextBank(Embedding())
    other = Vocabulary.of(["owl", "cow", "cat"])
    assert bank([VOCABULARY, VOCABULARY]).shape == (3, 1, D)
    both = bank([other, VOCABULARY, other])
    assert both.shape == (3, 3, 1, D)
    assert torch.equal(both[0], bank([other])) and torch.equal(both[0], both[2])
    assert torch.equal(both[1], bank([VOCABULARY]))


@pytest.mark.parametrize("sizes", [[], [2, 3]])
def test_vocabularies_of_one_size_only(sizes):
    vocabularies = [Vocabulary.of([str(i) for i in range(size)]) for size in sizes]
    with pytest.raises(
        ValueError, match=rf"one size, but got sizes \[{', '.join(map(str, sizes))}\]"
    ):
        TextBank(Embedding())(vocabularies)


def test_two_vocabularies_in_one_run():
    bank = TextBank(Embedding())
    first = bank([VOCABULARY])
    assert bank([Vocabulary.of(["x"])]).shape == (1, 1, D)
    asked = len(bank.encoder.asked)
    assert torch.equal(bank([VOCABULARY]), first)
    assert len(bank.encoder.asked) == asked, "a known vocabulary was embedded again"


def test_the_same_names_under_other_words_are_another_vocabulary():
    bank = TextBank(Embedding(), templates="name")
    plain = bank([Vocabulary.of(["tv"])])
    prompted = bank([Vocabulary.of(["tv"], prompts={"tv": "tv monitor"})])
    assert not torch.equal(plain, prompted)


def test_the_oldest_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(bank_module, "_VOCABULARIES_REMEMBERED", 2)
    bank = TextBank(Embedding(), templates="name")
    for name in ("a", "b", "a", "c", "a", "b"):
        bank([Vocabulary.of([name])])
    assert bank.encoder.asked == ["a", "b", "c", "b"]


def test_changed_weights_are_noticed_in_evaluation():
    bank = TextBank(Embedding(), normalize=False).eval()
    before = bank([VOCABULARY])
    bank.load_state_dict({"encoder.weight": torch.full((D,), 6.0)})
    torch.testing.assert_close(bank([VOCABULARY]), 3 * before)


def test_an_encoder_in_training_is_asked_every_time_and_gets_gradients():
    bank = TextBank(Embedding(frozen=False), templates="name", normalize=False)
    bank.eval()([VOCABULARY])
    assert not bank([VOCABULARY]).requires_grad
    assert len(bank.encoder.asked) == 4
    bank.train()([VOCABULARY]).sum().backward()
    assert len(bank.encoder.asked) == 8
    expected = torch.tensor([0.5]) * Embedding()(["cat", "owl"]).sum(0)
    expected += 0.25 * Embedding()(["sofa", "couch"]).sum(0)
    torch.testing.assert_close(bank.encoder.weight.grad, expected)


def test_training_drops_what_evaluation_remembered():
    bank = TextBank(Embedding(frozen=False), normalize=False).eval()
    before = bank([VOCABULARY])
    bank.train()
    bank.encoder.weight.data *= 2  # invisible to autograd's version counter
    torch.testing.assert_close(bank.eval()([VOCABULARY]), 2 * before)


def test_a_frozen_encoder_is_remembered_through_training_without_gradients():
    bank = TextBank(Embedding())
    bank.eval()([VOCABULARY])
    text = bank.train()([VOCABULARY])
    assert len(bank.encoder.asked) == 4 and not text.requires_grad


def test_what_inference_mode_remembered_can_be_trained_with():
    bank = TextBank(Embedding())
    with torch.inference_mode():
        bank([VOCABULARY])
    weight = torch.ones(D, requires_grad=True)
    (bank([VOCABULARY]) * weight).sum().backward()
    assert weight.grad is not None


def test_what_is_remembered_is_in_full_precision():
    class Linear(Embedding):
        def forward(self, prompts):
            return super().forward(prompts) @ torch.eye(D)

    expected = TextBank(Linear())([VOCABULARY])
    with torch.autocast("cpu", torch.bfloat16):
        got = TextBank(Linear())([VOCABULARY])
    assert got.dtype == torch.float32 and torch.equal(got, expected)


def test_a_second_bank_shares_the_encoder_but_does_not_own_it():
    bank = TextBank(Embedding(), templates="name", synonyms="first")
    second = bank.with_templates("shapes")
    model = nn.ModuleDict({"text": bank, "second": second})
    assert second.encoder is bank.encoder and second.synonyms == "first"
    assert list(model.state_dict()) == ["text.encoder.weight"]
    assert not torch.equal(second([VOCABULARY]), bank([VOCABULARY]))
    bank.load_state_dict({"encoder.weight": torch.arange(D) + 1.0})
    expected = TextBank(bank.encoder, templates="shapes", synonyms="first")([VOCABULARY])
    assert torch.equal(second([VOCABULARY]), expected)


def test_the_disk_keeps_embeddings_from_run_to_run(tmp_path):
    def asked(**options):
        bank = TextBank(Embedding(), cache_dir=tmp_path / "text", **options)
        return bank([VOCABULARY]), len(bank.encoder.asked)

    first, prompts = asked()
    again, none = asked()
    assert (prompts, none) == (4, 0) and torch.equal(first, again)
    assert asked(normalize=False)[1] == 4
    assert asked(templates="multi")[1] == 60
    assert len(list((tmp_path / "text").iterdir())) == 3, "temporary files were left behind"


def test_a_damaged_file_is_made_again(tmp_path, caplog):
    bank = TextBank(Embedding(), cache_dir=tmp_path)
    expected = bank([VOCABULARY])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:20])
    with caplog.at_level(logging.WARNING):
        assert torch.equal(TextBank(Embedding(), cache_dir=tmp_path)([VOCABULARY]), expected)
    assert "is damaged" in caplog.text
    fresh = TextBank(Embedding(), cache_dir=tmp_path)
    assert torch.equal(fresh([VOCABULARY]), expected) and not fresh.encoder.asked


def test_refusals():
    with pytest.raises(ValueError, match='synonyms is \'some\'; expected "first" or "all"'):
        TextBank(Embedding(), synonyms="some")
    with pytest.raises(ValueError, match="Table looks names up and reads no prompts"):
        TextBank(Table()).with_templates("shapes")
