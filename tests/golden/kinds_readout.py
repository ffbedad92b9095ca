"""Checks of what follows naming: second look, fusion, painting, resizing; and whole ZegFormers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import open_clip
import torch
from golden import Case, check_all, load_case
from kinds_heads import per_pixel_baseline_logits
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.backbone import ResNet
from zs3.backbone.resnet import Stem, make_stages
from zs3.checkpoints.clip import clip_config_of, open_clip_state
from zs3.checkpoints.zegformer import convert
from zs3.criterion import PixelCrossEntropy
from zs3.grouping import FPN, DETRDecoder, MaskProposals
from zs3.grouping.attention import BlockSpec
from zs3.images import ImageBatch
from zs3.inference.tta import MultiScaleFlip
from zs3.naming import TextClassifier
from zs3.readout import PixelReadout, RegionReadout
from zs3.refinement import (
    ClipSecondLook,
    CropLook,
    Crops,
    PublishedFusion,
    SeenBias,
    tight_boxes,
)
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.segmentor import ZeroShotSegmentor
from zs3.text import OpenClipText, TextBank, build_clip
from zs3.text.clip import load_clip_state
from zs3.vocabulary import IGNORE, Vocabulary

# CLIP's statistics, of images in 0..255.
CLIP_MEAN = (122.7709383, 116.7460125, 104.09373615)
CLIP_STD = (68.5005327, 66.6321579, 70.323163)
STYLES = ("cropmask", "crop", "mask")
# Published names of template sets that have another name here.
TEMPLATES = {"single": "single_scene"}


@torch.no_grad()
def clip_crop_path(case: Case) -> None:
    masks, logits = case.inputs["pred_masks"], case.inputs["pred_logits"]
    images = padded_to((case.inputs["image"],), masks.shape[-2:])
    scene = scene_of(images, Regions(masks.new_zeros(*logits.shape[:2], 0), (0, 0), masks), case)
    looked = torch.ones(logits.shape[:2], dtype=torch.bool)
    text = clip_text(case.prefixed_state, case.meta["clip"], "single")
    got = {"boxes": tight_boxes(masks[0] > 0)}
    for style in STYLES:
        look = second_look(text, PublishedFusion(), style)
        canvas = images.normalised(look.pixel_mean, look.pixel_std)
        crops = look.look.crops(canvas, masks[0], torch.zeros_like(looked[0], dtype=torch.int64))
        readout = RegionReadout(refiners=[look], bias=SeenBias(gamma=0.1))
        got[f"{style}_crops_sub8"] = crops[:, :, 1::8, 2::8]
        got[f"{style}_clip_logits"] = look.clip_logits(scene, masks, looked)[0]
        prepared = readout.prepare(scene, [logits])
        size = tuple(case.inputs["out_size"].tolist())
        got[f"{style}_sem_seg"] = readout.read(prepared, 0, size).scores()
    check_all(case, {name: got[name] for name in case.outputs})


@torch.no_grad()
def full_inference(case: Case) -> None:
    numbers, inputs = image_numbers(case), batched_inputs(case)
    hyper, state = case.meta["hyper"], case.prefixed_state
    text = clip_text(state, case.meta["clip"], hyper["prompt_ensemble_type"])
    model = zegformer(state, hyper, text, RegionReadout()).eval()
    model.vocabulary = vocabulary_of(case)
    got = {}
    for variant, options in case.meta["variants"].items():
        model.readout = published_readout(text, options)
        for i, output in zip(numbers, model(inputs), strict=True):
            got[f"{variant}_sem_seg{i}"] = output["sem_seg"]

    images = ImageBatch(tuple(x["image"] for x in inputs), model.size_divisibility)
    (regions,) = model.grouping(
        model.backbone(images.normalised(model.pixel_mean, model.pixel_std))
    )
    look = second_look(text, PublishedFusion())
    scene = scene_of(images, regions, case)
    logits = model.naming(regions, text(scene.vocabularies))
    masks = RegionReadout().prepare(scene, [logits]).scene.regions.masks
    looked = torch.ones(masks.shape[:2], dtype=torch.bool)
    features = look.look(images.normalised(look.pixel_mean, look.pixel_std), masks, looked)
    for i, own, opinion in zip(
        numbers, features, look.clip_logits(scene, masks, looked), strict=True
    ):
        got[f"image_features{i}"] = F.normalize(own, dim=-1)
        got[f"clip_logits{i}"] = opinion
    got["boxes"] = tight_boxes(masks.flatten(0, 1) > 0)
    got["pred_logits"], got["pred_masks"] = logits, regions.masks
    check_all(case, {name: got[name] for name in case.outputs})


@torch.no_grad()
def tta(case: Case) -> None:
    whole = load_case(case.path.with_name(f"{case.meta['state_from']}.json"))
    hyper, options = whole.meta["hyper"], case.meta["overrides"]
    text = clip_text(case.prefixed_state, whole.meta["clip"], hyper["prompt_ensemble_type"])
    readout = published_readout(
        text, {f"MODEL.MASK_FORMER.{key}": value for key, value in options.items()}
    )
    model = zegformer(case.prefixed_state, hyper, text, readout).eval()
    model.vocabulary = vocabulary_of(whole)
    sizes = tuple(case.meta["min_sizes"])
    model.inference = MultiScaleFlip(sizes, case.meta["max_size"], case.meta["flip"])
    height, width = case.inputs["out_size"].tolist()
    (output,) = model([{"image": case.inputs["image"], "height": height, "width": width}])
    check_all(case, output)


@torch.no_grad()
def zeroshot_per_pixel_baseline(case: Case) -> None:
    targets = case.inputs["target"]
    regions, logits = per_pixel_baseline_logits(case, case.inputs["text_features_train"])
    labels = torch.where(targets < logits.shape[-1], targets, IGNORE)
    losses = PixelCrossEntropy()([regions], [logits], labels)

    regions, logits = per_pixel_baseline_logits(case, case.inputs["text_features_test"])
    image = torch.zeros(3, *case.meta["image_size"])
    images = padded_to((image,) * len(targets), targets.shape[-2:])
    gamma = max(case.meta["gzero_calibrate"], 0)
    readout = PixelReadout(activate_at="input", bias=SeenBias(gamma=gamma))
    prepared = readout.prepare(scene_of(images, regions, case), [logits])
    size = targets.shape[-2:]
    check_all(
        case,
        {
            "logits": F.interpolate(regions.paint(logits), size, mode="bilinear"),
            "loss_sem_seg": losses["loss_ce"],
            "sem_seg0": readout.read(prepared, 0, tuple(case.meta["out_size"])).scores(),
        },
    )


def zegformer(
    state: dict[str, Tensor],
    hyper: dict[str, Any],
    text: TextBank,
    readout: nn.Module,
    criterion: nn.Module | None = None,
) -> ZeroShotSegmentor:
    """
    A whole published model.

    Args:
        state: under its names in a checkpoint; a CLIP in it is left to `clip_text`.
        hyper: the entry "hyper" of the case that has the state.
    """
    backbone = resnet(hyper)
    channels = {name: shape.channels for name, shape in backbone.output_shape().items()}
    grouping = MaskProposals(
        pixel_decoder=FPN(
            in_channels=channels,
            conv_dim=hyper["conv_dim"],
            mask_dim=hyper["mask_dim"],
            norm=hyper["norm"],
        ),
        decoder=DETRDecoder(
            in_feature="res5",
            in_channels=channels["res5"],
            mask_dim=hyper["mask_dim"],
            num_queries=hyper["num_queries"],
            enc_layers=hyper["enc_layers"],
            dec_layers=hyper["dec_layers"],
            spec=BlockSpec(
                hyper["hidden_dim"],
                hyper["nheads"],
                hyper["dim_feedforward"],
                pre_norm=hyper.get("pre_norm", False),
            ),
            enforce_input_proj=hyper.get("enforce_input_project", False),
        ),
    )
    model = ZeroShotSegmentor(
        backbone=backbone,
        grouping=grouping,
        naming=TextClassifier(in_dim=hyper["hidden_dim"], dim=text.dim),
        text=text,
        readout=readout,
        criterion=criterion,
        pixel_mean=hyper["pixel_mean"],
        pixel_std=hyper["pixel_std"],
        size_divisibility=hyper["size_divisibility"],
    )
    own = {key: v for key, v in convert(state).items() if ".clip_model." not in key}
    missing, unexpected = model.load_state_dict(own, strict=False)
    assert not unexpected and all(key.startswith("text.") for key in missing)
    return model


def resnet(hyper: dict[str, Any]) -> ResNet:
    """A small ResNet (50 layers unless said otherwise) with four maps, res2 (the finest) first."""
    return ResNet(
        stem=Stem(3, hyper["stem_out_channels"], norm="FrozenBN"),
        stages=make_stages(
            hyper.get("depth", 50),
            norm="FrozenBN",
            stem_channels=hyper["stem_out_channels"],
            res2_channels=hyper["res2_out_channels"],
            res2_width=hyper["width_per_group"],
            stride_in_1x1=hyper["stride_in_1x1"],
        ),
        out_features=("res2", "res3", "res4", "res5"),
    )


def clip_text(state: dict[str, Tensor], sizes: dict[str, int], templates: str) -> TextBank:
    """The head's bank; its encoder holds the CLIP of a whole model's state, with both towers."""
    clip = open_clip_state(state)
    model = build_clip(clip_config_of(clip, text_heads=sizes["transformer_heads"]))
    load_clip_state(model, clip, "the case")
    encoder = OpenClipText(model=model, tokenizer=open_clip.SimpleTokenizer())
    return TextBank(encoder, templates=TEMPLATES.get(templates, templates)).eval()


def second_look(text: TextBank, fusion: nn.Module, style: str = "cropmask") -> ClipSecondLook:
    clip = text.encoder.model
    (side, _) = clip.visual.image_size
    return ClipSecondLook(
        clip=clip,
        look=CropLook(clip.visual, text.dim, Crops(side, style), batch=5),
        text=text.with_templates("clip_scoring"),
        fusion=fusion,
        pixel_mean=CLIP_MEAN,
        pixel_std=CLIP_STD,
    )


def image_numbers(case: Case) -> list[int]:
    """Of the inputs "image0", ..."""
    return sorted(int(name.removeprefix("image")) for name in case.inputs if "image" in name)


def batched_inputs(case: Case) -> list[dict[str, Any]]:
    """The images of a case, to be predicted at the sizes it asks for."""
    inputs = []
    for i in image_numbers(case):
        height, width = case.inputs[f"out_size{i}"].tolist()
        inputs.append({"image": case.inputs[f"image{i}"], "height": height, "width": width})
    return inputs


def published_readout(text: TextBank, options: dict[str, Any]) -> RegionReadout:
    """What the keys of the original's configuration stand for."""
    if options.get("MODEL.MASK_FORMER.ENSEMBLING", False):
        fusion = PublishedFusion()
    elif options.get("MODEL.MASK_FORMER.ENSEMBLING_ALL_CLS", False):
        fusion = PublishedFusion(seen_weight=2 / 3, unseen_weight=2 / 3, average_seen=False)
    else:
        fusion = PublishedFusion(seen_weight=1.0, unseen_weight=1.0, average_seen=False)
    looks = options.get("MODEL.SEM_SEG_HEAD.CLIP_CLASSIFICATION", True)
    style = options.get("MODEL.CLIP_CLS_STYLE", "cropmask")
    before = "MODEL.MASK_FORMER.TEST.SEM_SEG_POSTPROCESSING_BEFORE_INFERENCE"
    return RegionReadout(
        refiners=[second_look(text, fusion, style)] if looks else [],
        bias=SeenBias(gamma=max(options["MODEL.MASK_FORMER.GZERO_CALIBRATE"], 0.0)),
        paint_at_output=options.get(before, False),
    )


def vocabulary_of(case: Case) -> Vocabulary:
    return Vocabulary.of(case.meta["stuff_classes"], case.meta["val_extra_classes"])


def scene_of(images: ImageBatch, regions: Regions, case: Case) -> Scene:
    vocabulary = vocabulary_of(case)
    return Scene(images, {}, regions, (vocabulary,), torch.tensor([vocabulary.is_seen]))


def padded_to(images: tuple[Tensor, ...], size: tuple[int, int]) -> ImageBatch:
    """The images, padded to the size a case has them in."""
    batch = ImageBatch(images, math.gcd(*size))
    assert batch.padded_size == tuple(size)
    return batch


KINDS: dict[str, Callable[[Case], None]] = {
    "clip_crop_path": clip_crop_path,
    "full_inference": full_inference,
    "tta": tta,
    "zeroshot_per_pixel_baseline": zeroshot_per_pixel_baseline,
}
