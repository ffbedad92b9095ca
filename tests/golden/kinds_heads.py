"""Golden checks of grouping and naming: pixel decoders, query decoders, classifiers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from golden import Case, check, check_all
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.checkpoints.zegformer import convert
from zs3.grouping import (
    FPN,
    DecodedPixels,
    DeformableAttention,
    DETRDecoder,
    MaskedDecoder,
    MSDeformAttnPixelDecoder,
    PixelGrid,
    TransformerEncoderFPN,
)
from zs3.grouping.attention import BlockSpec
from zs3.grouping.deformable import sample
from zs3.grouping.position import sine_position
from zs3.grouping.transformer import Transformer
from zs3.naming import Linear, TextClassifier
from zs3.regions import Regions


def position_embedding_sine(case: Case) -> None:
    got = {}
    for name, x in case.inputs.items():
        for suffix, normalize in (("norm", True), ("raw", False)):
            code = sine_position(
                x.shape[2:],
                2 * case.meta["num_pos_feats"],
                normalize=normalize,
                temperature=case.meta["temperature"],
            )
            got[f"pos{name.removeprefix('x')}_{suffix}"] = code.expand(len(x), -1, -1, -1)
    check_all(case, got)


def pixel_decoder(case: Case) -> None:
    decoded = _pixel_decoder(case)(case.inputs)
    scales = {f"multi_scale{i}": scale for i, scale in enumerate(decoded.multi_scale)}
    computed = {
        "mask_features": decoded.mask_features,
        "transformer_encoder_features": decoded.encoded,
        **scales,
    }
    check(case, {name: computed[name] for name in case.outputs})


def m2f_msdeformattn(case: Case) -> None:
    attention = DeformableAttention(
        dim=case.meta["d_model"],
        heads=case.meta["n_heads"],
        levels=case.meta["n_levels"],
        points=case.meta["n_points"],
    )
    block = "grouping.pixel_decoder.encoder.layers.0.self_attention."
    _load(attention, case, f"{block}attention.")
    query, tokens, reference, boxes, sizes = (
        case.inputs[name]
        for name in ("query", "value_in", "reference_points", "reference_boxes", "spatial_shapes")
    )
    padding = case.inputs["padding_mask"].bool()
    locations, weights = attention.places(query, reference, sizes)
    value = attention.value_proj(tokens).unflatten(2, (attention.heads, -1))
    computed = {
        "out": attention(query, reference, tokens, sizes),
        "out_padded": attention(query, reference, tokens, sizes, padding),
        "out_ref4": attention(query, boxes, tokens, sizes),
        "core_value": value,
        "core_sampling_locations": locations,
        "core_attention_weights": weights,
        "core_out": sample(value, sizes, locations, weights),
    }
    check_all(case, computed)


def detr_transformer(case: Case) -> None:
    hyper = case.meta["hyper"]
    spec = BlockSpec(
        dim=hyper["d_model"],
        heads=hyper["nhead"],
        dim_feedforward=hyper["dim_feedforward"],
        dropout=hyper["dropout"],
        pre_norm=hyper["normalize_before"],
    )
    transformer = Transformer(
        spec, enc_layers=hyper["num_encoder_layers"], dec_layers=hyper["num_decoder_layers"]
    )
    _load(transformer, case, "grouping.decoder.transformer.")
    states, memory = transformer(
        case.inputs["src"], case.inputs["pos_embed"], case.inputs["query_embed"]
    )
    hs = states if hyper["return_intermediate_dec"] else states[-1:]
    check_all(case, {"hs": hs, "memory": memory})


def maskformer_predictor(case: Case) -> None:
    layers = _detr(case)
    naming = _linear(case)
    check_all(case, {**_masks(layers), **_logits(layers, naming, text=None)})


def zeroshot_predictor(case: Case) -> None:
    layers = _detr(case)
    naming = TextClassifier(
        in_dim=case.meta["hyper"]["hidden_dim"],
        dim=case.state["bg_feature"].shape[1],
        temperature=case.meta["hyper"]["temperature"],
    )
    _load(naming, case, "naming.")
    computed = _masks(layers)
    for mode, split in (("eval", "test"), ("train", "train")):
        # Word vectors are looked up by the case itself, so that there they are an output.
        text = {**case.outputs, **case.inputs}[f"text_features_{split}"]
        for name, value in _logits(layers, naming, text).items():
            computed[f"{mode}_{name}"] = value
    wanted = [name for name in case.outputs if not name.startswith("text_features")]
    check(case, {name: computed[name] for name in wanted})


def m2f_masked_decoder(case: Case) -> None:
    hyper = case.meta["hyper"]
    scales = [case.inputs[f"ms{i}"] for i in range(len(case.inputs) - 1)]
    decoder = MaskedDecoder(
        in_channels=hyper["in_channels"],
        num_scales=len(scales),
        mask_dim=hyper["mask_dim"],
        num_queries=hyper["num_queries"],
        dec_layers=hyper["dec_layers"],
        spec=_query_spec(hyper),
        enforce_input_proj=hyper["enforce_input_project"],
    )
    _load(decoder, case, "grouping.decoder.").train()
    layers = decoder({}, DecodedPixels(case.inputs["mask_features"], tuple(scales)))
    blocked = []
    for i, layer in enumerate(layers):
        size = scales[i % len(scales)].shape[2:]
        resized = F.interpolate(layer.masks, size=size, mode="bilinear", align_corners=False)
        blocked.append((resized.sigmoid() < 0.5).float().mean())
    got = {**_masks(layers), **_logits(layers, _linear(case), text=None)}
    check_all(case, {**got, "attn_mask_true_fraction": torch.stack(blocked)})


def per_pixel_baseline_logits(case: Case, text: Tensor) -> tuple[Regions, Tensor]:
    """Regions (one a cell) and logits (B, h * w, K) of a `zeroshot_per_pixel_baseline` case."""
    grouping = PixelGrid(pixel_decoder=_pixel_decoder(case))
    naming = TextClassifier(
        in_dim=grouping.embedding_dim,
        dim=text.shape[-1],
        temperature=case.meta["temperature"],
        with_void=False,
    )
    _load(naming, case, "naming.")
    (regions,) = grouping(case.inputs)
    return regions, naming(regions, text[:, None])


def _load(part: nn.Module, case: Case, prefix: str) -> nn.Module:
    """The part in eval mode, with what the key map puts under `prefix`."""
    state = convert(case.prefixed_state)
    own = {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}
    part.load_state_dict(own)
    return part.eval()


def _channels(case: Case) -> dict[str, int]:
    """Of the backbone's maps, res2 (the finest) first."""
    return {n: x.shape[1] for n, x in sorted(case.inputs.items()) if n.startswith("res")}


def _pixel_decoder(case: Case) -> nn.Module:
    hyper, channels = case.meta.get("hyper", case.meta), _channels(case)
    shared = {name: hyper[name] for name in ("mask_dim", "norm")}
    if "transformer_enc_layers" not in hyper:
        fpn = FPN(in_channels=channels, conv_dim=hyper["conv_dim"], **shared)
        return _load(fpn, case, "grouping.pixel_decoder.")
    shared["enc_layers"] = hyper["transformer_enc_layers"]
    shared["spec"] = BlockSpec(
        dim=hyper["conv_dim"],
        heads=hyper["transformer_nheads"],
        dim_feedforward=hyper["transformer_dim_feedforward"],
        dropout=hyper["transformer_dropout"],
        pre_norm=hyper.get("transformer_pre_norm", False),
    )
    if "transformer_in_features" in hyper:
        encoded = sorted(hyper["transformer_in_features"])
        # The FPN goes on from the finest of these to COMMON_STRIDE; "resN" has stride 2^N.
        levels = range(int(math.log2(hyper["common_stride"])), int(encoded[0][3:]))
        part: nn.Module = MSDeformAttnPixelDecoder(
            enc_channels={name: channels[name] for name in encoded},
            fine_channels={f"res{level}": channels[f"res{level}"] for level in levels},
            **shared,
        )
    else:
        part = TransformerEncoderFPN(in_channels=channels, **shared)
    return _load(part, case, "grouping.pixel_decoder.")


def _query_spec(hyper: dict[str, Any]) -> BlockSpec:
    """No dropout: training mode, which returns all layers, then computes what evaluation does."""
    return BlockSpec(
        dim=hyper["hidden_dim"],
        heads=hyper["nheads"],
        dim_feedforward=hyper["dim_feedforward"],
        pre_norm=hyper["pre_norm"],
    )


def _detr(case: Case) -> list[Regions]:
    hyper = case.meta["hyper"]
    decoder = DETRDecoder(
        in_feature="x",
        in_channels=hyper["in_channels"],
        mask_dim=hyper["mask_dim"],
        num_queries=hyper["num_queries"],
        enc_layers=hyper["enc_layers"],
        dec_layers=hyper["dec_layers"],
        spec=_query_spec(hyper),
        deep_supervision=hyper["deep_supervision"],
        enforce_input_proj=hyper["enforce_input_project"],
    )
    _load(decoder, case, "grouping.decoder.").train()
    return decoder(case.inputs, DecodedPixels(case.inputs["mask_features"], ()))


def _linear(case: Case) -> nn.Module:
    naming = Linear(
        in_dim=case.meta["hyper"]["hidden_dim"], num_classes=case.meta["hyper"]["num_classes"]
    )
    return _load(naming, case, "naming.")


def _masks(layers: list[Regions]) -> dict[str, Tensor]:
    return _by_layer([layer.masks for layer in layers], "pred_masks")


def _logits(layers: list[Regions], naming: nn.Module, text: Tensor | None) -> dict[str, Tensor]:
    text = torch.empty(naming.num_classes, 1, 0) if text is None else text[:, None]
    return _by_layer([naming(layer, text) for layer in layers], "pred_logits")


def _by_layer(values: list[Tensor], name: str) -> dict[str, Tensor]:
    *auxiliary, final = values
    return {name: final} | {f"aux{i}_{name}": value for i, value in enumerate(auxiliary)}


KINDS: dict[str, Callable[[Case], None]] = {
    "position_embedding_sine": position_embedding_sine,
    "pixel_decoder_fpn": pixel_decoder,
    "pixel_decoder_transformer": pixel_decoder,
    "m2f_msdeformattn": m2f_msdeformattn,
    "m2f_pixel_decoder": pixel_decoder,
    "detr_transformer": detr_transformer,
    "maskformer_predictor": maskformer_predictor,
    "zeroshot_predictor": zeroshot_predictor,
    "m2f_masked_decoder": m2f_masked_decoder,
}
