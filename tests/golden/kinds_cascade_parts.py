"""Checks of Cascade-CLIP's and ZegCLIP's parts: tower, decoder, head, criterion, labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from golden import Case, check_all
from open_clip.transformer import QuickGELU, VisionTransformer
from torch import Tensor
from torch.nn import functional as F

from zs3.backbone import ClipVisual, PromptedClipVisual
from zs3.backbone.clip_visual import resize_positions
from zs3.checkpoints.cascade_clip import convert
from zs3.criterion import ClassMasks
from zs3.grouping.attention import BlockSpec
from zs3.images import ImageBatch
from zs3.label_policy import UNASSIGNED, Inductive, Transductive
from zs3.naming import AlignmentDecoder, CascadeNaming, GaussianAggregation
from zs3.naming.cascade import relationship_descriptor
from zs3.readout import PixelReadout
from zs3.refinement import SeenBias
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import IGNORE, Vocabulary

PUBLISHED_IGNORE = 255
STAGES = {"cascade": (3, 3), "zegclip": ()}


@torch.no_grad()
def backbone_deep(case: Case) -> None:
    config = case.meta["config"]
    blocks, state = config["layers"], part(convert(case.prefixed_state), "backbone")
    levels = [block for block in config["out_indices"] if block < blocks - 1]
    backbone = prompted_tower(
        image_size=config["input_resolution"],
        patch_size=config["patch_size"],
        width=config["width"],
        heads=config["heads"],
        layers=blocks,
        dim=config["output_dim"],
        num_prompts=config["num_tokens"],
        prompted_blocks=config["total_d_layer"] + 1,
        levels=levels,
    ).eval()
    backbone.load_state_dict(state)
    got = {}
    for name, image in case.inputs.items():
        shape = name.removesuffix("_img")
        features = backbone(image)
        maps = [features[f"block{level}"] for level in levels] + [features["clip"]]
        got |= {f"{shape}_feat{i}": maps[i] for i in range(len(maps))}
        got[f"{shape}_cls"] = features["clip_summary"].flatten(1)
    check_all(case, got)


def pos_embed_resize(case: Case) -> None:
    positions = case.inputs["clip_positional_embedding"]
    before, after = (
        round((len(rows) - 1) ** 0.5) for rows in (positions, case.outputs["positional_embedding"])
    )
    assert after == case.meta["config"]["input_resolution"] // case.meta["config"]["patch_size"]
    resized = resize_positions(positions, (before, before), (after, after), "bilinear")
    check_all(case, {"positional_embedding": resized})


@torch.no_grad()
def decoder(case: Case) -> None:
    config = case.meta["config"]
    spec = BlockSpec(config["d_model"], config["nhead"], config["dim_feedforward"])
    # One layer more: the last one gives logits only, and the case looks behind those of its own.
    prefix, state = case.meta["prefix"], case.prefixed_state
    further = {
        key.replace("layers.0.", f"layers.{config['layers']}."): value
        for key, value in state.items()
        if key.startswith(f"{prefix}layers.0.multihead_attn.")
    }
    subject = AlignmentDecoder(config["layers"] + 1, spec, config["d_model"]).eval()
    subject.load_state_dict(part(convert({**state, **further}), "naming.decoders.0"))
    # Published tensors have the batch behind the tokens.
    queries, memory = (case.inputs[name].transpose(0, 1) for name in ("queries", "memory"))
    got = {}
    for i, layer in enumerate(subject.layers):
        q, k = (
            tokens.unflatten(-1, (layer.heads, -1)).transpose(1, 2)
            for tokens in (layer.query(queries), layer.key(memory))
        )
        got[f"attn{i}"] = (q @ k.mT).mean(1) * q.shape[-1] ** -0.5
        subject.logits.query, subject.logits.key = layer.query, layer.key
        torch.testing.assert_close(subject.logits(queries, memory), got[f"attn{i}"])
        queries = layer(queries, memory)
        got[f"query{i}"] = queries.transpose(0, 1)
    check_all(case, got)


@torch.no_grad()
def head(case: Case) -> None:
    config, text = case.meta["config"], case.inputs["text"]
    stages = STAGES[case.meta["case"].split("_")[0]]
    naming = cascade_naming(case.prefixed_state, stages, config["num_heads"]).eval()
    maps = [case.inputs[f"feat{i}"] for i in range(sum(stages) + 1)]
    summary = case.inputs["cls"]
    regions = regions_of(maps, summary)
    logits = naming(regions, text[:, None])

    size = (config["img_size"], config["img_size"])
    is_seen = torch.tensor([[k in config["seen_idx"] for k in config["all_idx"]]])
    vocabulary = Vocabulary.of([f"class {k}" for k in config["all_idx"]])
    images = ImageBatch((torch.zeros(3, *size),) * len(text))
    scene = Scene(images, {}, regions, (vocabulary,), is_seen)
    got = {
        "relationship_descriptor": relationship_descriptor(text, summary),
        "pred_masks": F.interpolate(regions.paint(logits), size, mode="bilinear"),
    }
    for name, gamma in (("inductive", 0.1), ("transductive", 0.0)):
        readout = published_readout(gamma)
        prepared = readout.prepare(scene, [logits])
        scores = [readout.read(prepared, i, size).scores() for i in range(len(summary))]
        got[f"pred_{name}"] = torch.stack(scores)
    descriptor = got["relationship_descriptor"]
    for i, memory in enumerate(naming.aggregation(regions) if stages else ()):
        mask = naming.decoders[i](naming.queries[i](descriptor), memory)
        got[f"stage{i}_memory"] = memory
        got[f"stage{i}_mask"] = mask.unflatten(2, regions.grid)
    check_all(case, got)


def loss(case: Case) -> None:
    config, logits = case.meta["config"], case.inputs["pred_masks"].requires_grad_()
    criterion = ClassMasks(mask_weight=config["mask_weight"], dice_weight=config["dice_weight"])
    regions = regions_of([logits], None)
    ignore, labels = config["ignore_index"], case.inputs["labels"]
    targets = torch.where(labels == ignore, IGNORE, labels)
    got = {}
    for name, truth in (("", targets), ("nolabel_", torch.full_like(targets, IGNORE))):
        losses = criterion([regions], [regions.embeddings], truth)
        got |= {f"{name}{term}": value[None] for term, value in losses.items()}
    total = config["loss_weight"] * (got["loss_mask"] + got["loss_dice"])
    (got["grad_pred_masks"],) = torch.autograd.grad(total, logits)
    check_all(case, {name: got[name] for name in case.outputs})


def label_maps(case: Case) -> None:
    # The published tables are of all 8-bit values, whatever the number of classes.
    names = [f"class {k}" for k in range(PUBLISHED_IGNORE)]
    vocabulary = Vocabulary.of(
        names, [n for k, n in enumerate(names) if k not in case.meta["seen"]]
    )
    values = torch.arange(PUBLISHED_IGNORE + 1)
    got = {}
    for name, policy in (("inductive", Inductive()), ("transductive", Transductive())):
        _, (labels,) = policy.ask([vocabulary], [values])
        table = torch.where((labels == IGNORE) | (labels == UNASSIGNED), -1, labels)
        table[PUBLISHED_IGNORE] = PUBLISHED_IGNORE
        got[name] = table
    # Padding has 200 there in label files that no configuration reads; ours has IGNORE.
    got["transductive"][200] = 200
    check_all(case, got)


def prompted_tower(
    *,
    image_size: int,
    patch_size: int,
    width: int,
    heads: int,
    layers: int,
    dim: int,
    **options: Any,  # of PromptedClipVisual
) -> PromptedClipVisual:
    visual = VisionTransformer(
        image_size=image_size,
        patch_size=patch_size,
        width=width,
        layers=layers,
        heads=heads,
        mlp_ratio=4.0,
        output_dim=dim,
        act_layer=QuickGELU,
    )
    tower = ClipVisual(visual=visual, interpolation="bilinear", add_class_twice=True)
    return PromptedClipVisual(tower=tower, **options)


def cascade_naming(
    published: dict[str, Tensor], stages: tuple[int, ...], heads: int, dropout: float = 0.0
) -> CascadeNaming:
    """The head of a published state, whose sizes it tells."""
    state = part(convert(published), "naming")
    dim = len(state["queries.0.bias"])
    first = "decoders.0.layers."
    layers = sum(key.startswith(first) and key.endswith(".value.bias") for key in state)
    naming = CascadeNaming(
        in_dim=dim,
        dim=dim,
        aggregation=GaussianAggregation(stages),
        layers=1 + layers,
        heads=heads,
        dim_feedforward=len(state["decoders.0.layers.0.feed_forward.linear1.bias"]),
        dropout=dropout,
    )
    naming.load_state_dict(state)
    return naming


def regions_of(maps: list[Tensor], summary: Tensor | None) -> Regions:
    """Pixels of the last map, whose levels are the others."""
    tokens = [features.flatten(2).mT for features in maps]
    grid = (maps[-1].shape[2], maps[-1].shape[3])
    return Regions(tokens[-1], grid, levels=tuple(tokens[:-1]), summary=summary)


def published_readout(gamma: float) -> PixelReadout:
    return PixelReadout(bias=SeenBias(gamma=gamma), activation="sigmoid", activate_at="input")


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {key.removeprefix(start): v for key, v in state.items() if key.startswith(start)}


KINDS: dict[str, Callable[[Case], None]] = {
    "cascade_backbone_deep": backbone_deep,
    "zegclip_backbone_deep": backbone_deep,
    "cascade_pos_embed_resize": pos_embed_resize,
    "zegclip_pos_embed_resize": pos_embed_resize,
    "cascade_decoder": decoder,
    "zegclip_decoder": decoder,
    "cascade_head": head,
    "zegclip_head": head,
    "cascade_loss": loss,
    "cascade_label_maps": label_maps,
}
