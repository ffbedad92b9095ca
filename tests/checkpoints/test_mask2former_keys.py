"""The published Mask2Former (ADE20K-150, R-50) and the configuration it fits."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zs3.backbone import build_backbone
from zs3.checkpoints.zegformer import convert
from zs3.config import get_config
from zs3.grouping import build_grouping
from zs3.naming import build_naming

PIXELS, QUERIES = "sem_seg_head.pixel_decoder.", "sem_seg_head.predictor."
OPTIONS = {
    "MODEL.BACKBONE.NAME": "ResNet",
    "MODEL.PIXEL_DECODER.NAME": "MSDeformAttnPixelDecoder",
    "MODEL.QUERY_DECODER.NAME": "MaskedDecoder",
    "MODEL.QUERY_DECODER.DEC_LAYERS": "9",
    "MODEL.QUERY_DECODER.DROPOUT": "0.0",
    "MODEL.NAMING.NAME": "Linear",
    "MODEL.NAMING.NUM_CLASSES": "150",
}
Shapes = dict[str, tuple[int, ...]]


def published_heads() -> Shapes:
    """Every tensor of pixel decoder and predictor."""
    shapes: Shapes = {f"{PIXELS}transformer.level_embed": (3, 256)}

    def unit(name: str, *weight: int) -> None:
        shapes.update({f"{name}.weight": weight, f"{name}.bias": weight[:1]})

    for level, channels in enumerate((2048, 1024, 512)):
        unit(f"{PIXELS}input_proj.{level}.0", 256, channels, 1, 1)
        unit(f"{PIXELS}input_proj.{level}.1", 256)
    for layer in (f"{PIXELS}transformer.encoder.layers.{i}." for i in range(6)):
        unit(f"{layer}self_attn.sampling_offsets", 192, 256)
        unit(f"{layer}self_attn.attention_weights", 96, 256)
        unit(f"{layer}self_attn.value_proj", 256, 256)
        unit(f"{layer}self_attn.output_proj", 256, 256)
        unit(f"{layer}linear1", 1024, 256)
        unit(f"{layer}linear2", 256, 1024)
        unit(f"{layer}norm1", 256)
        unit(f"{layer}norm2", 256)
    for convolution, side in (("adapter_1", 1), ("layer_1", 3)):
        shapes[f"{PIXELS}{convolution}.weight"] = (256, 256, side, side)
        unit(f"{PIXELS}{convolution}.norm", 256)
    unit(f"{PIXELS}mask_features", 256, 256, 1, 1)

    for i in range(9):
        for kind, attention in (("self", "self_attn"), ("cross", "multihead_attn")):
            block = f"{QUERIES}transformer_{kind}_attention_layers.{i}."
            shapes[f"{block}{attention}.in_proj_weight"] = (768, 256)
            shapes[f"{block}{attention}.in_proj_bias"] = (768,)
            unit(f"{block}{attention}.out_proj", 256, 256)
            unit(f"{block}norm", 256)
        unit(f"{QUERIES}transformer_ffn_layers.{i}.linear1", 2048, 256)
        unit(f"{QUERIES}transformer_ffn_layers.{i}.linear2", 256, 2048)
        unit(f"{QUERIES}transformer_ffn_layers.{i}.norm", 256)
    for name, rows in (("query_feat", 100), ("query_embed", 100), ("level_embed", 3)):
        shapes[f"{QUERIES}{name}.weight"] = (rows, 256)
    unit(f"{QUERIES}decoder_norm", 256)
    unit(f"{QUERIES}class_embed", 151, 256)
    for layer in range(3):
        unit(f"{QUERIES}mask_embed.layers.{layer}", 256, 256)
    return shapes


def converted(shapes: Shapes) -> Shapes:
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    return _shapes(convert(state))


def configured(*parts: str) -> Shapes:
    """Of the model that OPTIONS describe, without its text."""
    cfg = get_config(opts=[text for option in OPTIONS.items() for text in option])
    with torch.device("meta"):
        backbone = build_backbone(cfg)
        grouping = build_grouping(cfg, backbone.output_shape())
        naming = build_naming(cfg, grouping.embedding_dim, text_dim=512)
    model = torch.nn.ModuleDict({"backbone": backbone, "grouping": grouping, "naming": naming})
    return {k: v for k, v in _shapes(model.state_dict()).items() if k.split(".")[0] in parts}


def _shapes(state: dict[str, Tensor]) -> Shapes:
    return {key: tuple(value.shape) for key, value in state.items()}


def test_the_published_heads_fit_the_configuration():
    heads = published_heads()
    assert len(heads) == 292
    assert converted(heads) == configured("grouping", "naming")


@pytest.mark.skipif(not os.environ.get("ZS3_DATA"), reason="ZS3_DATA names no folder of key lists")
def test_the_published_key_list_fits_the_configuration():
    folder = Path(os.environ["ZS3_DATA"]) / "zegformer"
    rows = json.loads((folder / "checkpoint_keys_mask2former.json").read_text())["head_keys"]
    rows += json.loads((folder / "backbone_key_map.json").read_text())["resnet50"]
    published = {row["key"]: tuple(row["shape"]) for row in rows}
    heads = {key: shape for key, shape in published.items() if key.startswith("sem_seg_head.")}
    assert heads == published_heads()
    assert converted(published) == configured("backbone", "grouping", "naming")


def test_the_first_version_had_no_pixel_decoder_in_its_names_and_static_queries():
    first = {
        key.replace(PIXELS, "sem_seg_head.").replace("query_feat", "static_query"): shape
        for key, shape in published_heads().items()
    }
    assert not first.keys() & {f"{PIXELS}mask_features.weight", f"{QUERIES}query_feat.weight"}
    assert converted(first) == converted(published_heads())
