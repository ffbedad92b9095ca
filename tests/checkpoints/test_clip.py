import open_clip
import pytest
import torch

from zs3.checkpoints.clip import clip_config_of, is_openai, open_clip_state
from zs3.text.clip import build_clip, load_clip_state

CONFIG = {
    "embed_dim": 6,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 24, "patch_size": 8, "width": 128, "layers": 3, "head_width": 64},
    "text_cfg": {"context_length": 9, "vocab_size": 50, "width": 64, "heads": 1, "layers": 2},
}


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return build_clip(CONFIG).state_dict()


def openai(state):
    scalars = {"input_resolution": 24, "context_length": 9, "vocab_size": 50}
    return {**state, **{key: torch.tensor(value) for key, value in scalars.items()}}


def zegformer(state):
    prefix = "sem_seg_head.predictor.clip_model."
    other = {"sem_seg_head.predictor.bg_feature": torch.zeros(1, 6)}
    return {**{prefix + key: value for key, value in state.items()}, **other}


def mmseg(state):
    image = {k.replace("visual.", "backbone.", 1): v for k, v in state.items() if "visual." in k}
    text = {f"text_encoder.{k}": v for k, v in state.items() if "visual." not in k}
    del text["text_encoder.logit_scale"]
    others = (
        "backbone.prompt_embeddings",
        "backbone.ln_layers.0.weight",
        "decode_head.q_proj.bias",
    )
    return {**image, **text, **{key: torch.zeros(2) for key in others}}


@pytest.mark.parametrize("layout", [dict, openai, zegformer, mmseg])
def test_every_layout_becomes_open_clips(state, layout):
    converted = open_clip_state(layout(state))
    expected = {k: v for k, v in state.items() if k != "logit_scale" or layout is not mmseg}
    assert converted.keys() == expected.keys()
    assert all(converted[key] is value for key, value in expected.items())


def test_only_openais_archives_have_its_scalars(state):
    assert is_openai(openai(state)) and not is_openai(state)


def test_sizes_are_read_off_the_weights(state):
    assert clip_config_of(state) == CONFIG
    load_clip_state(build_clip(clip_config_of(state)), state, "these weights")


def test_towers_alone(state):
    text = {key: value for key, value in state.items() if "visual." not in key}
    image = {key: value for key, value in state.items() if "visual." in key}
    assert "vision_cfg" not in clip_config_of(text) and "text_cfg" not in clip_config_of(image)
    load_clip_state(build_clip(clip_config_of(text)), text, "a text tower")


def test_heads_may_be_said(state):
    config = clip_config_of(state, image_heads=4, text_heads=8)
    assert config["vision_cfg"]["head_width"] == 32 and config["text_cfg"]["heads"] == 8


def test_residual_towers():
    vision = {"image_size": 64, "layers": (1, 1, 1, 1), "width": 8}
    model = open_clip.CLIP(**{**CONFIG, "vision_cfg": vision})
    config = clip_config_of(model.state_dict())
    assert config == {**CONFIG, "vision_cfg": vision}
    build_clip(config).load_state_dict(model.state_dict())


def test_refusals(state):
    with pytest.raises(
        ValueError, match=r"no CLIP weights among 1 tensors \(such as 'backbone.stem"
    ):
        open_clip_state({"backbone.stem.conv1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="no CLIP weights among 0 tensors"):
        open_clip_state({})
    with pytest.raises(ValueError, match=r"expected CLIP weights, but got keys such as \['logit_"):
        clip_config_of({"logit_scale": torch.zeros(1)})
    narrow = {**state, "token_embedding.weight": torch.zeros(50, 40)}
    with pytest.raises(ValueError, match="40 channels wide has no heads of 64 channels; give text"):
        clip_config_of(narrow)
