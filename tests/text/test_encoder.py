from types import SimpleNamespace

import open_clip
import pytest
import torch

from zs3.text import OpenClipText, TextBank, build_clip
from zs3.text.encoder import tokenize
from zs3.vocabulary import Vocabulary

CONTEXT, D = 9, 6


@pytest.fixture(scope="module")
def tokenizer():
    return open_clip.SimpleTokenizer(context_length=CONTEXT)


def clip(seed: int = 0, **config):
    torch.manual_seed(seed)
    text = {"context_length": CONTEXT, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    vision = {"image_size": 8, "patch_size": 4, "width": 16, "head_width": 8, "layers": 1}
    return build_clip({"embed_dim": D, "vision_cfg": vision, "text_cfg": text, **config})


@pytest.fixture
def encoder(tokenizer):
    return OpenClipText(model=clip(), tokenizer=tokenizer)


def test_it_encodes_as_open_clip_does(encoder, tokenizer):
    prompts = ["a photo of a cat", "an owl"]
    assert encoder.dim == D and encoder.reads_templates
    expected = encoder.model.encode_text(tokenizer(prompts))
    assert torch.equal(encoder(prompts), expected)


def test_frozen_it_stays_in_evaluation_mode_and_gets_no_gradients(encoder):
    assert encoder.frozen
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not encoder(["a cat"]).requires_grad


def test_trained_gradients_reach_the_text_tower_and_nothing_else(tokenizer):
    encoder = OpenClipText(model=clip(), tokenizer=tokenizer, frozen=False)
    assert not encoder.frozen and encoder.train().model.training
    TextBank(encoder)([Vocabulary.of("cat, owl")]).square().sum().backward()
    trained = {name for name, p in encoder.model.named_parameters() if p.requires_grad}
    assert all(p.grad is not None for p in encoder.parameters() if p.requires_grad)
    assert "text_projection" in trained
    assert not any(name.startswith(("visual.", "logit_scale")) for name in trained)


def test_the_fingerprint_follows_all_of_the_text_side_but_not_the_image_tower():
    def fingerprint(model, **merges):
        return OpenClipText(model=model, tokenizer=SimpleNamespace(**merges)).fingerprint

    def small(seed=0, heads=2, **config):
        text = {"context_length": 4, "vocab_size": 9, "width": 16, "heads": heads, "layers": 1}
        return clip(seed, text_cfg=text, **config)

    expected = fingerprint(small())
    blind, changed = small(), small()
    del blind.visual
    changed.ln_final.bias.data += 1
    assert fingerprint(small()) == fingerprint(blind) == expected
    others = [small(1), small(heads=4), small(quick_gelu=True), changed]
    other_tokenizer = fingerprint(small(), bpe_ranks={("a", "b"): 0})
    assert len({expected, other_tokenizer, *map(fingerprint, others)}) == 6


def test_the_stamp_follows_every_change_of_weights(encoder):
    first = encoder.stamp
    assert encoder.stamp == first
    encoder.load_state_dict(encoder.state_dict())
    second = encoder.stamp
    assert second != first
    encoder.double()
    assert encoder.stamp != second


def test_weights_made_in_inference_mode_have_a_stamp_too(tokenizer):
    with torch.inference_mode():
        bank = TextBank(OpenClipText(model=clip(), tokenizer=tokenizer))
        assert bank([Vocabulary.of("cat, owl")]).shape == (2, 1, D)


def test_a_prompt_that_just_fits(tokenizer):
    words = "a " * (CONTEXT - 2)
    tokens = tokenize(tokenizer, [words, "a"], CONTEXT)
    assert tokens.shape == (2, CONTEXT) and tokens[0, -1] == tokenizer.eot_token_id
    assert torch.equal(tokens, tokenizer([words, "a"]))


def test_a_longer_prompt_is_refused_not_cut(encoder):
    long = "a " * 500
    cut = r"'(a ){20} \.\.\. (a ){20}'"
    with pytest.raises(ValueError, match=rf"{cut} has more than the {CONTEXT} tokens.*1 others"):
        encoder(["a cat", long, long])


def test_padding_of_other_tokenizers_is_no_text():
    class HuggingFace:
        tokenizer = SimpleNamespace(pad_token_id=1)

        def __call__(self, texts, context_length):
            rows = [[7] * len(text) + [1] * context_length for text in texts]
            return torch.tensor([row[:context_length] for row in rows])

    assert tokenize(HuggingFace(), ["abc"], 4).tolist() == [[7, 7, 7, 1]]
    with pytest.raises(ValueError, match="'abcde' has more than the 4 tokens"):
        tokenize(HuggingFace(), ["abc", "abcde"], 4)
