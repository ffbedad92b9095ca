"""Mask2Former's two decoders against those of Hugging Face, with random weights copied over."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

from zs3.checkpoints.key_map import Rule, rename
from zs3.checkpoints.zegformer import convert
from zs3.grouping import MaskedDecoder, MaskProposals, MSDeformAttnPixelDecoder
from zs3.grouping.attention import BlockSpec
from zs3.naming import Linear

MAPS = ("res2", "res3", "res4", "res5")
PIXELS, PIXEL_DECODER = r"model\.pixel_level_module\.decoder\.", "sem_seg_head.pixel_decoder."
QUERIES, PREDICTOR = r"model\.transformer_module\.", "sem_seg_head.predictor."
LAYER = rf"{QUERIES}decoder\.layers\.(\d+)\."
# From Hugging Face's names to those of the published checkpoints.
RULES: list[Rule] = [
    (rf"{PIXELS}input_projections\.", f"{PIXEL_DECODER}input_proj."),
    (rf"{PIXELS}level_embed$", f"{PIXEL_DECODER}transformer.level_embed"),
    (
        rf"{PIXELS}(encoder\.layers\.\d+)\.self_attn_layer_norm",
        rf"{PIXEL_DECODER}transformer.\1.norm1",
    ),
    (rf"{PIXELS}(encoder\.layers\.\d+)\.final_layer_norm", rf"{PIXEL_DECODER}transformer.\1.norm2"),
    (rf"{PIXELS}(encoder\.layers\.\d+)\.fc", rf"{PIXEL_DECODER}transformer.\1.linear"),
    (rf"{PIXELS}encoder\.", f"{PIXEL_DECODER}transformer.encoder."),
    (rf"{PIXELS}mask_projection\.", f"{PIXEL_DECODER}mask_features."),
    (rf"{PIXELS}(adapter|layer)_(\d+)\.0\.", rf"{PIXEL_DECODER}\1_\2."),
    (rf"{PIXELS}(adapter|layer)_(\d+)\.1\.", rf"{PIXEL_DECODER}\1_\2.norm."),
    (rf"{QUERIES}queries_features\.", f"{PREDICTOR}query_feat."),
    (rf"{QUERIES}queries_embedder\.", f"{PREDICTOR}query_embed."),
    (rf"{QUERIES}level_embed\.", f"{PREDICTOR}level_embed."),
    (rf"{QUERIES}decoder\.layernorm\.", f"{PREDICTOR}decoder_norm."),
    (
        rf"{QUERIES}decoder\.mask_predictor\.mask_embedder\.(\d)\.0\.",
        rf"{PREDICTOR}mask_embed.layers.\1.",
    ),
    (
        rf"{LAYER}(self|cross)_attn_layer_norm",
        rf"{PREDICTOR}transformer_\2_attention_layers.\1.norm",
    ),
    (rf"{LAYER}self_attn", rf"{PREDICTOR}transformer_self_attention_layers.\1.self_attn"),
    (rf"{LAYER}cross_attn", rf"{PREDICTOR}transformer_cross_attention_layers.\1.multihead_attn"),
    (rf"{LAYER}final_layer_norm", rf"{PREDICTOR}transformer_ffn_layers.\1.norm"),
    (rf"{LAYER}fc", rf"{PREDICTOR}transformer_ffn_layers.\1.linear"),
    (r"class_predictor\.", f"{PREDICTOR}class_embed."),
]


def hugging_face(pre_norm: bool) -> Mask2FormerForUniversalSegmentation:
    backbone = SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=24,
        hidden_dim=32,
        num_attention_heads=4,
        encoder_feedforward_dim=48,
        encoder_layers=2,
        dim_feedforward=40,
        decoder_layers=5,
        num_queries=7,
        num_labels=6,
        pre_norm=pre_norm,
    )
    torch.manual_seed(0)
    model = Mask2FormerForUniversalSegmentation(config).eval()
    for name, parameter in model.named_parameters():
        if ".encoder.embeddings." not in name and parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        elif name.endswith("sampling_offsets.bias"):
            nn.init.normal_(parameter, std=2)
    return model


def published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of the heads under the names of the published checkpoints."""
    packed = {key: value for key, value in state.items() if not re.search(r"[qkv]_proj\.", key)}
    for key in state:
        if ".q_proj." in key:
            rows = [state[key.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            packed[key.replace(".q_proj.", ".in_proj_")] = torch.cat(rows)
    return rename(packed, RULES)


def mask2former(state: dict[str, Tensor], channels: list[int], pre_norm: bool) -> nn.ModuleDict:
    """Grouping and naming of the same sizes, with weights in place."""
    in_channels = dict(zip(MAPS, channels, strict=True))
    pixels = MSDeformAttnPixelDecoder(
        fine_channels={"res2": in_channels.pop("res2")},
        enc_channels=in_channels,
        mask_dim=24,
        enc_layers=2,
        spec=BlockSpec(32, 4, 48),
    )
    queries = MaskedDecoder(
        in_channels=32,
        mask_dim=24,
        num_queries=7,
        dec_layers=4,
        spec=BlockSpec(32, 4, 40, pre_norm=pre_norm),
    )
    model = nn.ModuleDict(
        {
            "grouping": MaskProposals(pixel_decoder=pixels, decoder=queries),
            "naming": Linear(in_dim=32, num_classes=6),
        }
    )
    own = convert(published(state))
    model.load_state_dict({k: v for k, v in own.items() if k.startswith(("grouping.", "naming."))})
    return model


@pytest.mark.parametrize("pre_norm", [False, True])
def test_both_decoders_agree_with_hugging_face(pre_norm):
    theirs = hugging_face(pre_norm)
    with torch.inference_mode():
        expected = theirs(
            torch.randn(2, 3, 64, 96), output_hidden_states=True, output_auxiliary_logits=True
        )
    maps = expected.encoder_hidden_states
    model = mask2former(theirs.state_dict(), [x.shape[1] for x in maps], pre_norm)
    features = dict(zip(MAPS, maps, strict=True))
    with torch.inference_mode():
        decoded = model["grouping"].pixel_decoder(features)
        layers = model["grouping"].train()(features)  # all of them; there is no dropout
        logits = [model["naming"](layer, torch.empty(6, 1, 0)) for layer in layers]

    close = {"atol": 1e-4, "rtol": 1e-4}
    torch.testing.assert_close(
        decoded.mask_features, expected.pixel_decoder_last_hidden_state, **close
    )
    torch.testing.assert_close(
        decoded.multi_scale, tuple(expected.pixel_decoder_hidden_states), **close
    )
    auxiliary = expected.auxiliary_logits
    masks = [*(own["masks_queries_logits"] for own in auxiliary), expected.masks_queries_logits]
    classes = [*(own["class_queries_logits"] for own in auxiliary), expected.class_queries_logits]
    torch.testing.assert_close([layer.masks for layer in layers], masks, **close)
    torch.testing.assert_close(logits, classes, **close)
