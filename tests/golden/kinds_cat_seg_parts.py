"""Checks of CAT-Seg's parts: class attention, spatial and class layers, decoder, aggregator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from golden import Case, check_all
from torch import Tensor, nn

from zs3.aggregation import CostAggregation
from zs3.aggregation.class_attention import FullAttention, LinearAttention
from zs3.aggregation.classes import ClassAggregation
from zs3.aggregation.decoder import UpBlock, UpsamplingDecoder
from zs3.aggregation.guidance import GuidanceMap
from zs3.aggregation.layer import AggregationLayer
from zs3.aggregation.spatial import SpatialAggregation
from zs3.checkpoints.cat_seg import convert
from zs3.naming import CostVolume
from zs3.regions import Regions

# How the port differs in its layers.
PORT: dict[str, Any] = {"shrink": False, "mlp_identity": True}


@torch.no_grad()
def v2_class_attention_kernels(case: Case) -> None:
    q, k, v = (case.inputs[name] for name in "qkv")
    got = {}
    for name, attention in (("linear", LinearAttention()), ("full", FullAttention())):
        # Keys in two slices.
        contexts = [
            attention.context(k[:, part], v[:, part]) for part in (slice(4), slice(4, None))
        ]
        got[name] = attention.attend(q, attention.join(contexts))
    check_all(case, got)


@torch.no_grad()
def v2_swin_wrapper(case: Case) -> None:
    kwargs = case.meta["kwargs"]
    layer = SpatialAggregation(
        kwargs["dim"],
        kwargs["appearance_guidance_dim"],
        kwargs["nheads"],
        window=kwargs["window_size"],
    )
    load(layer, case, "layers.0.spatial.")
    check_all(case, {"y": spatial(layer, case.inputs["x"], case.inputs.get("guidance"))})


@torch.no_grad()
def v2_class_layer(case: Case) -> None:
    kwargs = case.meta["kwargs"]
    layer = ClassAggregation(
        kwargs["hidden_dim"],
        kwargs["guidance_dim"],
        kwargs["nheads"],
        attention=kwargs["attention_type"],
        pool=pooling(kwargs),
        pad_to=kwargs["pad_len"],
    )
    load(layer, case, "layers.0.classes.")
    check_all(case, {"y": classes(layer, case.inputs["x"], case.inputs.get("guidance"))})


@torch.no_grad()
def v2_up_block(case: Case) -> None:
    block = UpBlock(*case.meta["args"])
    load(block, case, "decoder.blocks.0.")
    x, guidance = case.inputs["x"], case.inputs.get("guidance")
    images = 1 if guidance is None else len(guidance)
    own = None if guidance is None else guidance[:, None]
    y = block(x.unflatten(0, (images, -1)), own)
    check_all(case, {"y": y.flatten(0, 1)})


@torch.no_grad()
def v2_aggregator(case: Case) -> None:
    kwargs, inputs = case.meta["kwargs"], case.inputs
    features = {name: value for name, value in inputs.items() if name.startswith("guidance")}
    model = aggregation(kwargs, ("guidance0", "guidance1", "guidance2"), keep=kwargs["pad_len"])
    load(model, case, "")
    regions = Regions.of_pixels(inputs["img_feats"])
    naming = CostVolume(in_dim=regions.embeddings.shape[2], dim=inputs["text_feats"].shape[3])
    cost = naming(regions, inputs["text_feats"]).permute(0, 3, 2, 1)
    for chunk in (model.chunk, 2):
        model.chunk = chunk
        (finer,), (logits,) = model(features, [regions], inputs["text_feats"], naming)
        check_all(case, {"corr": cost.unflatten(3, regions.grid), "logits": finer.paint(logits)})


@torch.no_grad()
def port_aggregator_layer(case: Case) -> None:
    kwargs, x = case.meta["kwargs"], case.inputs["x"]
    dim, heads = kwargs["embed_dims"], kwargs["num_heads"]
    assert kwargs["mlp_ratios"] == 4, "zs3's perceptrons are four times as wide"
    layer = AggregationLayer(
        spatial=SpatialAggregation(
            dim,
            kwargs["appearance_guidance_dims"],
            heads,
            window=kwargs["window_size"],
            shrink=PORT["shrink"],
        ),
        classes=ClassAggregation(
            dim,
            kwargs["text_guidance_dims"],
            heads,
            attention=kwargs["attention_type"],
            pool=pooling(kwargs, "pooling_size"),
            mlp_identity=PORT["mlp_identity"],
        ),
    )
    load(layer, case, "layers.0.")
    appearance = case.inputs.get("appearance")
    mixed = spatial(layer.spatial, x, appearance, mix_images=True)
    got = {
        "spatial": mixed,
        "spatial_b1": spatial(
            layer.spatial, x[:1], None if appearance is None else appearance[:1], mix_images=True
        ),
        "final": classes(layer.classes, mixed, case.inputs.get("text")),
    }
    check_all(case, got)


@torch.no_grad()
def port_up_block(case: Case) -> None:
    block = UpBlock(*case.meta["args"])
    load(block, case, "decoder.blocks.0.")
    x, guidance = case.inputs["x"], case.inputs["guidance"]
    x = x.unflatten(0, (len(guidance), -1))
    got = {
        "y": block(x, mixed_up(guidance, x.shape[1])).flatten(0, 1),
        "y_b1": block(x[:1], guidance[:1, None]).flatten(0, 1),
    }
    check_all(case, got)


def aggregation(
    kwargs: dict[str, Any],
    features: tuple[str, str, str],
    *,
    scales: tuple[int, int] = (1, 1),
    scaled_from: int = 0,
    keep: int = 0,
    port: bool = False,
) -> CostAggregation:
    """
    The aggregator of a case.

    Args:
        kwargs: as the original's `Aggregator` takes them.
        features: maps that guide the layers and the two blocks of the decoder.
        scales: how much the last two are enlarged first, from `scaled_from` channels.
    """
    dim, heads = kwargs["hidden_dim"], kwargs["nheads"]
    appearance_dim = (
        kwargs["appearance_guidance_proj_dim"] if kwargs["appearance_guidance_dim"] else 0
    )
    text_dim = kwargs["text_guidance_proj_dim"] if kwargs["text_guidance_dim"] else 0
    guiding = kwargs["decoder_guidance_dims"] if kwargs["decoder_guidance_dims"][0] else []
    layers = [
        AggregationLayer(
            spatial=SpatialAggregation(
                dim,
                appearance_dim,
                heads,
                window=kwargs.get("window_size", 12),
                shrink=not port,
            ),
            classes=ClassAggregation(
                dim,
                text_dim,
                heads,
                attention=kwargs.get("attention_type", "linear"),
                pool=pooling(kwargs),
                pad_to=kwargs.get("pad_len", 0),
                mlp_identity=port,
            ),
        )
        for _ in range(kwargs["num_layers"])
    ]
    return CostAggregation(
        templates=kwargs["prompt_channel"],
        dim=dim,
        layers=layers,
        decoder=UpsamplingDecoder(
            dim,
            kwargs["decoder_dims"],
            kwargs["decoder_guidance_proj_dims"] if guiding else [0, 0],
        ),
        appearance=GuidanceMap(
            feature=features[0], in_channels=kwargs["appearance_guidance_dim"], dim=appearance_dim
        )
        if appearance_dim
        else None,
        decoder_guidance=[
            GuidanceMap(
                feature=features[1 + i],
                in_channels=scaled_from or channels,
                dim=kwargs["decoder_guidance_proj_dims"][i],
                scale=scales[i],
                scaled_dim=channels,
            )
            for i, channels in enumerate(guiding)
        ],
        text_guidance=nn.Sequential(nn.Linear(kwargs["text_guidance_dim"], text_dim), nn.ReLU())
        if text_dim
        else None,
        keep=keep,
        mix_images=port,
    ).eval()


def load(module: nn.Module, case: Case, part: str) -> None:
    """The state of a case, through the key map, into a part of `aggregation.`."""
    prefix = f"aggregation.{part}"
    state = convert(case.prefixed_state)
    assert all(key.startswith(prefix) for key in state), sorted(state)
    module.load_state_dict({key.removeprefix(prefix): value for key, value in state.items()})
    module.eval()


def spatial(
    layer: SpatialAggregation, x: Tensor, guidance: Tensor | None, mix_images: bool = False
) -> Tensor:
    """Of published (B, C, K, H, W) and (B, G, H, W)."""
    own = None
    if guidance is not None:
        own = mixed_up(guidance, x.shape[2]) if mix_images else guidance[:, None]
        own = own.permute(0, 1, 3, 4, 2)
    return layer(x.permute(0, 2, 3, 4, 1), own).permute(0, 4, 1, 2, 3)


def classes(layer: ClassAggregation, x: Tensor, guidance: Tensor | None) -> Tensor:
    """Of published (B, C, K, H, W) and (B, K, G); the classes in two slices."""
    x = x.permute(0, 2, 3, 4, 1)
    parts = [slice(1), slice(1, None)] if x.shape[1] > 1 else [slice(1)]
    pairs = [(x[:, part], None if guidance is None else guidance[:, part]) for part in parts]
    contexts = [layer.context(*pair) for pair in pairs]
    if padding := layer.padding(x.shape[1]):
        contexts.append(padding)
    context = functools.reduce(layer.join, contexts)
    return torch.cat([layer(*pair, context) for pair in pairs], 1).permute(0, 4, 1, 2, 3)


def mixed_up(guidance: Tensor, num_classes: int) -> Tensor:
    """(B, ...) -> (B, K, ...): row b K + k has the guidance of image (b K + k) mod B."""
    return guidance.repeat(num_classes, *[1] * (guidance.dim() - 1)).unflatten(
        0, (len(guidance), num_classes)
    )


def pooling(kwargs: dict[str, Any], name: str = "pooling_size") -> tuple[int, int]:
    return tuple(kwargs.get(name) or (1, 1))


KINDS: dict[str, Callable[[Case], None]] = {
    "v2_class_attention_kernels": v2_class_attention_kernels,
    "v2_swin_wrapper": v2_swin_wrapper,
    "v2_class_layer": v2_class_layer,
    "v2_up_block": v2_up_block,
    "v2_aggregator": v2_aggregator,
    "port_aggregator_layer": port_aggregator_layer,
    "port_up_block": port_up_block,
}
