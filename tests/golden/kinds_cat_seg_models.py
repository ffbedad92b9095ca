"""Checks of CAT-Seg's CLIP, and of its whole models from pixels to scores: v2, v1 and the port."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from golden import Case, check_all
from kinds_cat_seg_parts import aggregation
from open_clip.model import resize_pos_embed
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.aggregation import CostAggregation
from zs3.backbone import ClipVisual, ResNet, Swin
from zs3.backbone.clip_visual import DENSE_MODES
from zs3.backbone.resnet import Stem, make_stages
from zs3.backbone.towers import Towers
from zs3.checkpoints.cat_seg import convert
from zs3.checkpoints.clip import clip_config_of, open_clip_state
from zs3.criterion import PixelBinaryCrossEntropy
from zs3.engine.optimizer import freeze
from zs3.grouping import PixelGrid
from zs3.grouping.pixel_decoder import BackboneMap
from zs3.images import ImageBatch
from zs3.inference.sliding import SlidingWindow
from zs3.inference.tta import MultiScaleFlip
from zs3.naming import CostVolume
from zs3.readout import PixelReadout
from zs3.segmentor import ZeroShotSegmentor
from zs3.text import OpenClipText, TextBank, build_clip
from zs3.text.encoder import TextEncoder
from zs3.text.split_attention import split_attention
from zs3.text.templates import get_templates
from zs3.vocabulary import IGNORE, Vocabulary

CLIP_MEAN = (122.7709383, 116.7460125, 104.09373615)
CLIP_STD = (68.5005327, 66.6321579, 70.3231630)
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
WINDOW = 384
GRID = 24  # patches a side that CLIP is given, whatever the image
WHOLE = PixelReadout(activation="sigmoid", activate_at="grid")
SLIDING = PixelReadout(activation="sigmoid", activate_at="input")
LOGITS = PixelReadout(activation="none")
SHOWN = 2  # classes whose logits the cases of v1 and the port hold
# The published configurations' MODEL.FREEZE.
V1_FROZEN = (
    r"backbone\.clip\.visual\.(?!.*\.attn\.|positional_embedding$)",
    r"text\.encoder\.model\.",
)
V2_FROZEN = (r"(backbone\.visual|text\.encoder\.model)\.(?!.*\.attn\.[qv]_proj_weight$)",)


def clip_of(
    state: dict[str, Tensor], *, image_heads: int, text_heads: int, split: bool, **vision: Any
) -> nn.Module:
    """Both towers with the weights of a whole model's state, under our names."""
    towers = {
        key.removeprefix(prefix): value
        for key, value in state.items()
        for prefix in ("backbone.clip.", "backbone.", "text.encoder.model.")
        if key.startswith((f"{prefix}visual.", "text.encoder.model.")) and key.startswith(prefix)
    }
    fused = open_clip_state(towers)
    config = clip_config_of(fused, image_heads=image_heads, text_heads=text_heads)
    config["vision_cfg"] |= vision.pop("vision_cfg", {})
    model = build_clip({**config, **vision})
    resize_pos_embed(fused, model)
    if split:
        split_attention(model)
        model.load_state_dict(towers)
    else:
        model.load_state_dict(fused)
    return model


def dense_tokens(tower: ClipVisual, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """All tokens, class first, of the dense features (B, 1 + hw, D) and of every block's output."""
    tokens, _ = tower.embed(images)
    levels = []
    for block in tower.blocks:
        before, tokens = tokens, block(tokens)
        levels.append(tokens)
    dense = tower.project(DENSE_MODES[tower.dense](block, before, tokens))
    patches = tower.features(images).patches
    torch.testing.assert_close(dense[:, 1:].transpose(1, 2), patches.flatten(2))
    return dense, levels


@torch.no_grad()
def clip_towers(case: Case) -> None:
    """v2_clip and v1_clip."""
    kwargs, is_v2 = case.meta["kwargs"], case.meta["kind"] == "v2_clip"
    assert not kwargs["prompt_depth"], "checkpoints with deep prompts are not published"
    model = clip_of(
        convert(case.prefixed_state),
        image_heads=kwargs["vision_heads"],
        text_heads=kwargs["text_heads"],
        split=is_v2,
    )
    tower = ClipVisual(visual=model.visual, dense="value_class" if is_v2 else "value_block")
    dense, levels = dense_tokens(tower, case.inputs["image"])
    hooks = {f"hook{i}": level.transpose(0, 1) for i, level in enumerate(levels)}
    got = {"dense": dense, "text": model.encode_text(case.inputs["tokens"]), **hooks}
    check_all(case, {name: got[name] for name in case.outputs})


@torch.no_grad()
def v1_openclip_dense(case: Case) -> None:
    vision, text = case.meta["vision"], case.meta["text"]
    model = clip_of(
        convert(case.prefixed_state),
        image_heads=vision["width"] // vision["head_width"],
        text_heads=text["heads"],
        split=False,
        quick_gelu=False,
        vision_cfg={"image_size": vision["image_size"], "mlp_ratio": vision["mlp_ratio"]},
    )
    tower = ClipVisual(visual=model.visual, dense="value_block")
    image = case.inputs["image"]
    got = {
        "pos_embed": model.visual.positional_embedding,
        "dense": dense_tokens(tower, image)[0],
        "cls_embed": tower.encode(image),
        "text": model.encode_text(case.inputs["tokens"]),
    }
    check_all(case, got)


class StandInTokenizer:
    """Tokens of known prompts, as the case gives them."""

    def __init__(self, tokens: dict[str, Tensor]) -> None:
        self.tokens = tokens

    def __call__(self, prompts: Sequence[str], context_length: int) -> Tensor:
        rows = torch.stack([self.tokens[prompt] for prompt in prompts])
        return F.pad(rows, (0, context_length - rows.shape[1]))


def scene_prompts(names: Sequence[str]) -> list[str]:
    (template,) = get_templates("single_scene")
    return [template.format(name.split(", ")[0]) for name in names]


class GivenText(TextEncoder):
    """The case's own text features (P, D) of a name."""

    reads_templates = False

    def __init__(self, names: Sequence[str], features: Tensor) -> None:
        super().__init__()
        self.rows = {name.split(", ")[0]: row for name, row in zip(names, features, strict=True)}
        self.dim = features.shape[2]
        self.register_buffer("features", features, persistent=False)

    def forward(self, prompts: Sequence[str]) -> Tensor:
        return torch.stack([self.rows[prompt] for prompt in prompts])


def v2_model(case: Case) -> tuple[ZeroShotSegmentor, CostAggregation]:
    state, sizes = convert(case.prefixed_state), case.meta["clip"]
    clip = clip_of(
        state,
        image_heads=sizes["vision_heads"],
        text_heads=sizes["text_heads"],
        split=True,
    )
    prompts = scene_prompts([*case.meta["classes"], *case.meta["train_classes"]])
    tokens = torch.cat([case.inputs["tokens"], case.inputs["train_tokens"]])
    tokenizer = StandInTokenizer(dict(zip(prompts, tokens, strict=True)))
    visual = clip.visual
    del clip.visual
    text = TextBank(
        OpenClipText(model=clip, tokenizer=tokenizer, frozen=False),
        templates="single_scene",
        synonyms="first",
    )
    levels = (3, 7) if sizes["kind"] == "ViT-B/16" else (7, 15)
    kwargs = case.meta["aggregator"]
    head = aggregation(
        kwargs,
        ("clip", *(f"block{i}" for i in levels)),
        scales=(2, 4),
        scaled_from=sizes["vision_width"],
        keep=kwargs["pad_len"],
    )
    model = ZeroShotSegmentor(
        backbone=ClipVisual(
            visual=visual, dense="value_class", levels=levels, image_size=GRID * sizes["patch"]
        ),
        grouping=PixelGrid(
            pixel_decoder=BackboneMap(in_feature="clip", in_channels=sizes["embed_dim"])
        ),
        naming=CostVolume(in_dim=sizes["embed_dim"], dim=sizes["embed_dim"]),
        aggregation=head,
        text=text,
        readout=WHOLE,
        criterion=PixelBinaryCrossEntropy(ignored_are_negative=True),
        vocabulary=Vocabulary.of(case.meta["classes"]),
        pixel_mean=CLIP_MEAN,
        pixel_std=CLIP_STD,
    )
    model.load_state_dict(state)
    return model.eval(), head


def v2_full(case: Case) -> None:
    model, head = v2_model(case)
    pools = [layer.classes.pool for layer in head.layers]
    height, width = case.meta["output_hw"]
    got: dict[str, Tensor] = {}
    with torch.no_grad():
        inputs = {"image": case.inputs["image"], "height": height, "width": width}
        got["text_embeds"] = model.text([model.vocabulary])
        got["whole_clip_features"] = clip_tokens(model, case.inputs["image"])
        got["whole_logits"] = grid_logits(model, case.inputs["image"])
        got["whole_sem_seg"] = model([inputs])[0]["sem_seg"]

        height, width = case.outputs["tta_sem_seg"].shape[1:]
        view = {"image": case.inputs["tta_image"], "height": height, "width": width}
        model.inference = tta_of(case.meta["inputs"]["tta_image"])
        got["tta_sem_seg"] = model([view])[0]["sem_seg"]

        for layer in head.layers:
            layer.classes.pool = (1, 1)
        model.readout, model.inference = SLIDING, SlidingWindow(WINDOW, 256, 640, True, batch=5)
        got["sliding_sem_seg"] = model([inputs])[0]["sem_seg"]
        got["global_view_logits"] = grid_logits(model, squash(case.inputs["image"]))
        for layer, pool in zip(head.layers, pools, strict=True):
            layer.classes.pool = pool

    freeze(model, V2_FROZEN)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    ours = our_names(case)
    check_trained(case, trained, ours, never_asked(model.backbone))
    loss = training_loss(model.train(), case)
    loss.backward()
    parameters = dict(model.named_parameters())
    got["loss"] = loss
    norms = [parameters[name].grad.norm() for name in trained]
    got["grad_norm"] = torch.stack(norms).norm()
    for name in case.outputs:
        if name.startswith("grad/"):
            got[name] = parameters[ours[name.removeprefix("grad/")]].grad
    check_all(case, got)


def tta_of(said: str) -> MultiScaleFlip:
    """From words such as "... MIN_SIZES (96,130), MAX_SIZE 200, FLIP"."""
    sizes = re.search(r"MIN_SIZES \(([\d, ]+)\)", said)[1]
    largest = re.search(r"MAX_SIZE (\d+)", said)[1]
    return MultiScaleFlip(tuple(map(int, re.findall(r"\d+", sizes))), int(largest), "FLIP" in said)


def training_loss(model: ZeroShotSegmentor, case: Case) -> Tensor:
    """The published step compares with labels as they are, before any padding."""
    images = ImageBatch(tuple(case.inputs["train_images"]), model.size_divisibility)
    targets = case.inputs["train_targets"].long()
    vocabulary = Vocabulary.of(case.meta["train_classes"])
    _, regions, logits = model._name(images, [vocabulary])
    (loss,) = model.criterion(regions, logits, targets.where(targets != 255, IGNORE)).values()
    return loss


@torch.no_grad()
def v1_full(case: Case) -> None:
    model = two_towers(case, case.meta["aggregator"], port=False)
    model.readout = WHOLE
    height, width = case.meta["output_hw"]
    image = case.inputs["image"]
    inputs = {"image": image, "height": height, "width": width}
    got = {
        "whole_logits": grid_logits(model, image)[:, :SHOWN],
        "whole_sem_seg": model([inputs])[0]["sem_seg"],
        "clip_features": clip_tokens(model, image),
        "res4": tower_maps(model, image)["res4"][:, : case.outputs["res4"].shape[1]],
        "text_features": checked_text(case),
    }
    model.readout, model.inference = SLIDING, SlidingWindow(WINDOW, 256, 640, True, batch=5)
    got["sliding_sem_seg"] = model([inputs])[0]["sem_seg"]
    check_all(case, got)


@torch.no_grad()
def port_full(case: Case) -> None:
    neck, head = case.meta["neck"], case.meta["head"]
    kwargs = {
        **neck,
        **head,
        "nheads": neck["num_heads"],
        "hidden_dim": neck["embed_dims"],
        "prompt_channel": case.meta["prompt_channel"],
    }
    model = two_towers(case, kwargs, port=True)
    model.readout, model.size_divisibility = LOGITS, 0
    pair = [squash(image) for image in case.inputs["batch_small"]]
    got = {
        "batch_logits": grid_logits(model, *pair)[:, :SHOWN],
        "single_logits": grid_logits(model, pair[0])[:, :SHOWN],
        "res_feat2": tower_maps(model, pair[0])["res4"][:, : case.outputs["res_feat2"].shape[1]],
        "clip_img_feat": tower_maps(model, pair[0])["clip"],
        "text_features": checked_text(case),
    }
    size = tuple(case.meta["image_size"])
    image = F.interpolate(case.inputs["image_small"][None], size, mode="bilinear")[0]
    height, width = case.meta["ori_shape"]
    model.inference = SlidingWindow(WINDOW, WINDOW, batch=1)  # more would mix their guidance
    got["slide_logits"] = model([{"image": image, "height": height, "width": width}])[0]["sem_seg"]
    check_all(case, got)


def two_towers(case: Case, kwargs: dict[str, Any], port: bool) -> ZeroShotSegmentor:
    """The whole model of v1 or the port, with the case's text features for its names."""
    state, sizes = convert(case.prefixed_state), case.meta["clip"]
    clip = clip_of(
        state, image_heads=sizes["vision_heads"], text_heads=sizes["text_heads"], split=False
    )
    head = aggregation(kwargs, ("res4", "res3", "res2"), port=port)
    model = ZeroShotSegmentor(
        backbone=Towers(
            clip=ClipVisual(
                visual=clip.visual, dense="value_block", image_size=GRID * sizes["patch"]
            ),
            appearance=extractor(case.meta["backbone"], port),
            image_size=WINDOW,
        ),
        grouping=PixelGrid(
            pixel_decoder=BackboneMap(in_feature="clip", in_channels=sizes["embed_dim"])
        ),
        naming=CostVolume(in_dim=sizes["embed_dim"], dim=sizes["embed_dim"]),
        aggregation=head,
        text=TextBank(
            GivenText(case.meta["classes"], case.outputs["text_features"]),
            synonyms="first",
            ensemble=False,
        ),
        readout=WHOLE,
        vocabulary=Vocabulary.of(case.meta["classes"]),
        pixel_mean=(*CLIP_MEAN, *IMAGENET_MEAN),
        pixel_std=(*CLIP_STD, *IMAGENET_STD),
    )
    own = {key: value for key, value in state.items() if not key.startswith("text.")}
    model.load_state_dict(own)
    # The text tower is compared on its own; here it only counts its parameters.
    model.text.encoder.model = clip
    del clip.visual
    freeze(model, V1_FROZEN)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    check_trained(case, trained, our_names(case), set())
    return model.eval()


def extractor(sizes: dict[str, Any], port: bool) -> nn.Module:
    """A ResNet, or a Swin if it has windows, with the names of v1's or the port's options."""
    options = {key.lower(): value for key, value in sizes.items()}
    if "window_size" in options:
        return Swin(
            embed_dim=options.get("embed_dim", options.get("embed_dims")),
            depths=options["depths"],
            heads=options["num_heads"],
            window=options["window_size"],
            out_features=("res2", "res3", "res4"),
        )
    norm = "BN" if port else "FrozenBN"
    stem = sizes["stem_channels" if port else "STEM_OUT_CHANNELS"]
    return ResNet(
        stem=Stem(3, stem, norm=norm),
        stages=make_stages(
            50 if port else sizes["DEPTH"],
            norm=norm,
            stem_channels=stem,
            res2_channels=4 * sizes["base_channels"] if port else sizes["RES2_OUT_CHANNELS"],
            res2_width=sizes["base_channels" if port else "WIDTH_PER_GROUP"],
            stride_in_1x1=sizes.get("STRIDE_IN_1X1", False),
        ),
        out_features=("res2", "res3", "res4"),
    )


def checked_text(case: Case) -> Tensor:
    """The case's text features, those of classes with tokens computed by the text tower."""
    state, sizes = convert(case.prefixed_state), case.meta["clip"]
    clip = clip_of(
        state, image_heads=sizes["vision_heads"], text_heads=sizes["text_heads"], split=False
    )
    features = case.outputs["text_features"].clone()
    for i, name in enumerate(case.meta["classes"]):
        if f"tokens_class{i}" not in case.inputs:
            continue
        prompts = [
            template.format(word)
            for template in get_templates("imagenet")
            for word in name.split(", ")
        ]
        rows = F.pad(case.inputs[f"tokens_class{i}"], (0, clip.context_length))
        rows = rows[:, : clip.context_length]
        tokenizer = StandInTokenizer(dict(zip(prompts, rows, strict=True)))
        encoder = OpenClipText(model=clip, tokenizer=tokenizer)
        bank = TextBank(encoder, templates="imagenet", ensemble=False).eval()
        features[i] = bank([Vocabulary.of([name])])[0]
    return features


def tower_maps(model: ZeroShotSegmentor, *images: Tensor) -> dict[str, Tensor]:
    batch = ImageBatch(images, model.size_divisibility)
    return model.backbone(batch.normalised(model.pixel_mean, model.pixel_std))


def clip_tokens(model: ZeroShotSegmentor, image: Tensor) -> Tensor:
    batch = ImageBatch((image,), model.size_divisibility)
    normalised = batch.normalised(model.pixel_mean, model.pixel_std)[:, :3]
    clip = getattr(model.backbone, "clip", model.backbone)
    side = (clip.image_size, clip.image_size)
    return dense_tokens(clip, F.interpolate(normalised, side, mode="bilinear"))[0]


def grid_logits(model: ZeroShotSegmentor, *images: Tensor) -> Tensor:
    """What the head gives for images of one size, (B, K, 96, 96)."""
    batch = ImageBatch(images, model.size_divisibility)
    _, (regions,), (logits,) = model._name(batch, [model.vocabulary])
    return regions.paint(logits)


def squash(image: Tensor) -> Tensor:
    return F.interpolate(image[None], (WINDOW, WINDOW), mode="bilinear")[0]


def our_names(case: Case) -> dict[str, str]:
    """From the published name of every tensor to ours; of a tensor that is split, one of them."""
    published = list(case.prefixed_state)
    numbered = {name: torch.full((2, 4), i) for i, name in enumerate(published)}
    return {published[int(value[0, 0])]: name for name, value in convert(numbered).items()}


def never_asked(tower: ClipVisual) -> set[str]:
    """Published as trained, though without influence: the last block does not attend."""
    return {f"backbone.visual.transformer.resblocks.{len(tower.blocks) - 1}.attn.q_proj_weight"}


def check_trained(
    case: Case, trained: Sequence[str], ours: dict[str, str], beside: set[str]
) -> None:
    expected = {ours[name] for name in case.meta["trainable_parameters"]}
    # Queries and keys of a spatial block are one tensor in the port.
    both = {name.replace(".attn.q.", ".attn.k.") for name in expected} | expected
    both |= {name.replace(".attn.k.", ".attn.q.") for name in expected}
    assert set(trained) | beside == both, sorted((set(trained) | beside) ^ both)


KINDS: dict[str, Callable[[Case], None]] = {
    "v2_clip": clip_towers,
    "v1_clip": clip_towers,
    "v1_openclip_dense": v1_openclip_dense,
    "v2_full": v2_full,
    "v1_full": v1_full,
    "port_full": port_full,
}
