"""Key map of Cascade-CLIP's and ZegCLIP's checkpoints."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zs3.checkpoints.cascade_clip import DROPPED, convert
from zs3.checkpoints.families import family_of
from zs3.checkpoints.key_map import drop
from zs3.checkpoints.weight_file import read_weights
from zs3.config import get_config
from zs3.engine.optimizer import freeze
from zs3.engine.weights import Fit
from zs3.segmentor import ZeroShotSegmentor

DATA = Path(os.environ.get("ZS3_DATA", "")) / "cascade-clip"
CONFIGS = Path(__file__).parents[2] / "configs"
BASE = ["MODEL.DEVICE", "cpu", "MODEL.CLIP.PRETRAINED", ""]
# Tensors of a checkpoint, and those of them that have influence beside the text encoder's.
PUBLISHED = {
    "cascade_clip": ("cascade_clip/coco", 527, 287),
    "zegclip": ("zegclip/coco", 376, 196),
}
TEXT_TENSORS = 149 + 1  # and the scale, which they leave out
needs_lists = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the published key lists: set ZS3_DATA to their directory"
)


def unit(*keys: str) -> dict[str, Tensor]:
    return {key: torch.empty(0) for key in keys}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("backbone.class_embedding", "backbone.tower.visual.class_embedding"),
        ("backbone.proj", "backbone.tower.visual.proj"),
        ("backbone.ln_pre.weight", "backbone.tower.visual.ln_pre.weight"),
        ("backbone.proj_layers", "backbone.level_projections"),
        ("backbone.ln_layers.5.bias", "backbone.level_norms.5.bias"),
        ("backbone.prompt_embeddings", "backbone.prompts"),
        ("backbone.deep_prompt_embeddings", "backbone.deep_prompts"),
        ("backbone.prompt_proj.bias", "backbone.prompt_projection.bias"),
        ("backbone.prompt_norm.bias", "backbone.prompt_norm.bias"),
        ("text_encoder.ln_final.bias", "text.encoder.model.ln_final.bias"),
        ("decode_head.weights_s2", "naming.aggregation.weights.1"),
        ("decode_head.q_projs.2.bias", "naming.queries.2.bias"),
        ("decode_head.q_proj.bias", "naming.queries.0.bias"),
    ],
)
def test_names(theirs: str, ours: str) -> None:
    assert list(convert(unit(theirs))) == [ours]


@pytest.mark.parametrize(("published", "decoder"), [("cascade_decoders.2", 2), ("decoder_1", 0)])
def test_of_the_last_layer_only_what_gives_logits_is_kept(published: str, decoder: int) -> None:
    layers = f"decode_head.{published}.layers"
    parts = ("multihead_attn.q", "multihead_attn.v", "linear1", "norm1", "norm2", "norm3")
    state = unit(*(f"{layers}.{i}.{part}.bias" for i in range(2) for part in parts))
    state |= unit(f"{layers}.0.self_attn.out_proj.bias")

    assert list(convert(state)) == [
        f"naming.decoders.{decoder}.{part}.bias"
        for part in (
            *("layers.0.query", "layers.0.value", "layers.0.feed_forward.linear1"),
            *("layers.0.norm", "layers.0.feed_forward.norm", "logits.query"),
        )
    ]


def test_what_is_dropped_is_told_why() -> None:
    layer = "decode_head.decoder_1.layers.2"
    state = unit(
        "decode_head.loss_decode.criterion.empty_weight",
        f"{layer}.norm1.weight",
        f"{layer}.linear2.weight",
        f"{layer}.multihead_attn.k.weight",
    )
    kept, why = drop(state, DROPPED)
    assert list(kept) == [f"{layer}.multihead_attn.k.weight"]
    assert list(why.values()) == [
        "class weights that no loss reads",
        "self-attention that is skipped",
        "what follows the last logits",
    ]


@needs_lists
@pytest.mark.parametrize("text", ["OpenClipText", "PrecomputedText"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_checkpoints_fit_the_published_configuration(name: str, text: str) -> None:
    config, tensors, used = PUBLISHED[name]
    published = json.loads((DATA / f"checkpoint_keys_{name}_coco.json").read_text())
    table = f"{DATA / 'coco_multi.npy'}:coco171"
    options = ["MODEL.TEXT.ENCODER", text, "MODEL.TEXT.FILES", [table]]
    model = on_meta(config, *options)
    model.text.encoder.restored_from_source = True
    with torch.device("meta"):
        state = {key: torch.empty(value["shape"]) for key, value in published.items()}
    family = family_of(state)
    assert family is not None and len(state) == tensors

    found = Fit.of(model, family.convert(state))

    assert found.problems == []
    assert len(found.matched) == used and len(found.elsewhere) == TEXT_TENSORS


@pytest.mark.parametrize(
    ("config", "total", "trained", "unused"),
    [
        ("cascade_clip/voc", 192_720_134, 40_094_982, 9_464_832 + 7_881_216),
        ("cascade_clip/coco", 193_088_774, 40_463_622, 9_464_832 + 7_881_216),
        ("zegclip/voc", 164_077_824, 13_821_184, 3_154_944 + 2_627_072),
        ("zegclip/coco", 164_907_264, 14_650_624, 3_154_944 + 2_627_072),
    ],
)
def test_sizes_are_the_published_ones_without_what_has_no_influence(
    config: str, total: int, trained: int, unused: int
) -> None:
    model = on_meta(config)
    freeze(model, get_config(CONFIGS / f"{config}.yaml", BASE).MODEL.FREEZE)
    held = sum(parameter.numel() for parameter in model.parameters())
    scale = 1  # of CLIP's own logits, which the originals leave out
    assert held - scale == total - unused
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learned == trained - unused


def test_a_text_encoder_is_a_whole_clip_with_its_scale() -> None:
    state = convert(unit("text_encoder.text_projection", "text_encoder.ln_final.bias"))
    scale = state.pop("text.encoder.model.logit_scale")
    assert scale.exp().item() == pytest.approx(100)
    assert list(state) == ["text.encoder.model.text_projection", "text.encoder.model.ln_final.bias"]


@needs_lists
@pytest.mark.parametrize("name", PUBLISHED)
def test_without_a_clip_the_text_encoder_of_the_file_is_used(name: str) -> None:
    config, _, used = PUBLISHED[name]
    published = json.loads((DATA / f"checkpoint_keys_{name}_coco.json").read_text())
    with torch.device("meta"):
        state = {key: torch.empty(value["shape"]) for key, value in published.items()}
    found = Fit.of(on_meta(config), convert(state))
    assert found.problems == [] and len(found.matched) == used + TEXT_TENSORS


def on_meta(config: str, *options: object) -> ZeroShotSegmentor:
    with torch.device("meta"):
        return ZeroShotSegmentor(get_config(CONFIGS / f"{config}.yaml", [*BASE, *options]))


def test_a_container_of_mmsegmentation_is_read_safely(tmp_path: Path) -> None:
    layer = "decode_head.decoder_1.layers.0"
    weights = OrderedDict(
        {
            "backbone.prompt_embeddings": torch.ones(1, 2, 3),
            f"{layer}.multihead_attn.q.bias": torch.zeros(4),
            f"{layer}.norm1.bias": torch.zeros(4),
        }
    )
    meta = {"mmseg_version": "0.24.0", "CLASSES": ("sky",), "PALETTE": [[0, 0, 0]], "iter": 2}
    optimizer = {"state": {}, "param_groups": [{"lr": 2e-4, "params": [0]}]}
    path = tmp_path / "latest.pth"
    torch.save({"meta": meta, "state_dict": weights, "optimizer": optimizer}, path)

    file = read_weights(path)

    assert file.family == "Cascade-CLIP or ZegCLIP"
    assert list(file.state) == ["backbone.prompts", "naming.decoders.0.logits.query.bias"]
    assert file.dropped == {f"{layer}.norm1.bias": "self-attention that is skipped"}
