import gzip
import json

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from zs3.text import build_clip, load_clip
from zs3.text import clip as clip_module

TEXT = {"context_length": 8, "width": 64, "heads": 1, "layers": 1}
VISION = {"image_size": 16, "patch_size": 8, "width": 64, "layers": 1}
TINY = {"embed_dim": 6, "vision_cfg": VISION, "text_cfg": {**TEXT, "vocab_size": 49408}}


@pytest.fixture(autouse=True)
def tiny_architectures(monkeypatch):
    """Two architectures as open_clip's registry has them, and a tag for one."""
    configs = {"tiny": TINY, "tiny-quickgelu": {**TINY, "quick_gelu": True}}
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: configs.get(name))
    monkeypatch.setattr(open_clip, "list_models", lambda: list(configs))
    tag = {"quick_gelu": False, "url": "https://example.org/w.pt", "hf_hub": "org/tiny"}
    monkeypatch.setattr(
        open_clip, "get_pretrained_cfg", lambda name, tag_: tag if tag_ == "laion" else {}
    )
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda name: ["laion"])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build_clip(TINY)


def activation(model):
    return type(model.transformer.resblocks[0].mlp.gelu).__name__


def openai_archive(model, path):
    scalars = {"input_resolution": 16, "context_length": 8, "vocab_size": 49408}
    tensors = {key: torch.tensor(value) for key, value in scalars.items()}
    torch.save({**model.half().state_dict(), **tensors}, path)


def test_a_weight_file_in_half_precision(model, tmp_path):
    state = {key: value.half() for key, value in model.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    loaded, _ = load_clip("tiny", str(tmp_path / "w.safetensors"))
    assert not loaded.training and activation(loaded) == "GELU"
    for key, value in loaded.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, state[key].float())


@pytest.mark.parametrize("name", ["tiny", "tiny-quickgelu", ""])
def test_openai_files_get_their_activation_whatever_the_name(model, tmp_path, name):
    openai_archive(model, tmp_path / "w.pt")
    loaded, _ = load_clip(name, str(tmp_path / "w.pt"))
    assert activation(loaded) == "QuickGELU"
    assert torch.equal(loaded.visual.proj, model.visual.proj.float())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_openai_archives_are_torchscript(model, tmp_path):
    openai_archive(model, tmp_path / "state.pt")
    root = torch.nn.Module()
    for key, value in torch.load(tmp_path / "state.pt").items():
        *parents, name = key.split(".")
        owner = root
        for parent in parents:
            if not hasattr(owner, parent):
                owner.add_module(parent, torch.nn.Module())
            owner = getattr(owner, parent)
        owner.register_buffer(name, value)
    root.forward = lambda x: x
    torch.jit.save(torch.jit.trace(root, torch.ones(1)), tmp_path / "ViT-B-16.pt")

    loaded, tokenizer = load_clip("", str(tmp_path / "ViT-B-16.pt"))
    assert activation(loaded) == "QuickGELU" and loaded.visual.image_size == (16, 16)
    assert torch.equal(loaded.text_projection, model.text_projection.float())
    assert tokenizer(["a"]).shape == (1, 8)


def test_a_directory_brings_its_tokenizer_and_statistics(tmp_path):
    (tmp_path / "bpe_merges.txt.gz").write_bytes(gzip.compress(b"#version\na t</w>\nc at</w>"))
    text = {**TEXT, "vocab_size": 512 + 2 + 2}
    document = {
        "model_cfg": {**TINY, "text_cfg": text},
        "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
    }
    (tmp_path / "open_clip_config.json").write_text(json.dumps(document))
    model = build_clip(document["model_cfg"])
    save_file(model.state_dict(), tmp_path / "open_clip_model.safetensors")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_clip, "get_model_config", open_clip.factory.get_model_config)
        loaded, tokenizer = load_clip(f"local-dir:{tmp_path}")
    assert torch.equal(loaded.text_projection, model.text_projection)
    assert tokenizer(["cat"])[0].tolist() == [514, 513, 515, 0, 0, 0, 0, 0]
    assert list(loaded.visual.image_mean) == [0.1, 0.2, 0.3]

    with pytest.raises(ValueError, match=r"brings its own weights, so MODEL.CLIP.PRETRAINED must"):
        load_clip(f"local-dir:{tmp_path}", "openai")


def test_a_name_alone_starts_at_random_and_says_so(caplog):
    load_clip("tiny")
    assert "tiny starts from random weights" in caplog.text


def test_a_text_tower_alone():
    model = build_clip({key: value for key, value in TINY.items() if key != "vision_cfg"})
    assert not hasattr(model, "visual")
    assert model.encode_text(torch.zeros(2, 8, dtype=torch.long)).shape == (2, 6)


def test_tags_get_the_activation_they_were_trained_with(monkeypatch):
    asked = {}

    def create_model(name, **options):
        asked.update(options)
        return build_clip(TINY)

    monkeypatch.setattr(open_clip, "create_model", create_model)
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda name, tag: {"quick_gelu": True})
    load_clip("tiny", "openai")
    assert asked == {
        "pretrained": "openai",
        "force_quick_gelu": True,
        "force_image_size": None,
        "require_pretrained": True,
    }


def test_without_a_network_one_line_says_what_to_do(monkeypatch):
    def create_model(name, **options):
        raise RuntimeError("Failed to download\nweights: no route to host")

    monkeypatch.setattr(open_clip, "create_model", create_model)
    with pytest.raises(OSError) as refusal:
        load_clip("tiny", "laion")
    message = str(refusal.value)
    assert "\n" not in message
    assert "'laion' of 'tiny', tried org/tiny and https://example.org/w.pt: Failed to" in message
    assert message.endswith("in MODEL.CLIP.PRETRAINED.")


@pytest.mark.parametrize(
    ("name", "pretrained", "complaint"),
    [
        ("tinny", "", "no model 'tinny'. Did you mean 'tiny'"),
        ("tiny", "openai", "neither a file nor a pretrained tag of 'tiny' .its tags: laion"),
        ("tiny-quickgelu", "laion", "trained with GELU.*MODEL.CLIP.NAME to 'tiny'"),
        ("local-dir:nowhere", "", "nowhere is no open_clip directory"),
        ("", "nothing.pt", "'nothing.pt', is no file"),
    ],
)
def test_refusals(name, pretrained, complaint):
    with pytest.raises(ValueError, match=complaint):
        load_clip(name, pretrained)


@pytest.mark.parametrize(
    ("name", "recipe"), [("shapes_clip", "crops"), ("shapes_clip_dense", "dense")]
)
def test_the_missing_asset_names_the_command(monkeypatch, tmp_path, name, recipe):
    monkeypatch.setattr(clip_module, "_ASSETS", tmp_path)
    with pytest.raises(ValueError, match=f"run `.*/shapes_clip.py --recipe {recipe}`"):
        load_clip(name)


def test_a_file_that_does_not_fit(model, tmp_path):
    state = model.state_dict()
    state["ln_final.bias"] = torch.zeros(3)
    del state["ln_final.weight"]
    save_file(state, tmp_path / "w.safetensors")
    expected = r"2 tensors differ. 'ln_final.bias' is \(3,\) there, but \(64,\) in the model"
    with pytest.raises(ValueError, match=expected):
        load_clip("tiny", str(tmp_path / "w.safetensors"))


def test_a_tokenizer_of_another_model(tmp_path):
    model = build_clip({**TINY, "text_cfg": {**TEXT, "vocab_size": 100}})
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"knows 49408 tokens, but the CLIP .* embeds 100"):
        load_clip("", str(tmp_path / "w.safetensors"))


def test_architectures_that_are_not_plain_clip():
    with pytest.raises(ValueError, match=r"not plain CLIP; use one of its pretrained tags"):
        build_clip({**TINY, "custom_text": True})
