"""Golden checks of SAZS's and LSeg's networks, from pixels to labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from golden import Case, check_all
from torch import Tensor, nn

from zs3.backbone import DPT, DRN, ResNet, ViT
from zs3.backbone.resnet import Bottleneck, Stem, make_stage
from zs3.checkpoints import lseg, sazs
from zs3.checkpoints.clip import clip_config_of, open_clip_state
from zs3.checkpoints.key_map import drop
from zs3.criterion import ShapeAware
from zs3.data.warping import Warp
from zs3.grouping import BackboneMap, PixelGrid, PyramidPooling, RefineNet
from zs3.images import ImageBatch
from zs3.naming import Projection, TextClassifier
from zs3.readout import PixelReadout
from zs3.readout.enlargement import at_once
from zs3.segmentor import ZeroShotSegmentor
from zs3.text import TextBank, build_clip
from zs3.text.clip import load_clip_state
from zs3.text.encoder import TextEncoder
from zs3.vocabulary import Vocabulary

FEATURES = ("res2", "res3", "res4", "res5")
# The Cityscapes statistics of SAZS, of images in 0..255.
SAZS_MEAN = tuple(255 * x for x in (0.29010095242892997, 0.32808144844279574, 0.28696394422942517))
SAZS_STD = tuple(255 * x for x in (0.1829540508368939, 0.18656561047509476, 0.18447508988480435))


def dpt(hyper: dict[str, Any], out_features: tuple[str, ...] = FEATURES) -> DPT:
    """A case's encoder; it has the blocks that the features read, whatever the depth."""
    patch = hyper.get("patch", 16)
    read = [tap for name, tap in zip(FEATURES, hyper["hooks"], strict=True) if name in out_features]
    vit = ViT(
        dim=hyper["embed_dim"],
        heads=hyper["heads"],
        patch=patch,
        depth=max(read) + 1,
        image_size=patch * hyper["pretrain_grid"],
    )
    return DPT(
        vit=vit,
        taps=hyper["hooks"],
        channels=hyper.get("reassemble_channels") or hyper["reassemble_or_stage_channels"],
        readout=hyper.get("readout", "project"),
        out_features=out_features,
    )


def load_all(model: nn.Module, state: dict[str, Tensor], unread: str) -> None:
    """Loads strictly what does not match the pattern of keys that nobody reads."""
    kept, _ = drop(state, [(unread, "nobody reads it")])
    model.load_state_dict(kept)


def without(*keys: str) -> str:
    return "|".join(keys)


VIT_END = r"backbone\.vit\.(norm|head)\."
# The rest of DPT, which SAZS keeps in its checkpoints.
UNUSED = without(VIT_END, r"backbone\.reassemble\.res[245]\.", r"grouping\.pixel_decoder\.")


def later_blocks(backbone: DPT) -> str:
    """A pattern of the blocks that a shortened ViT lacks."""
    numbers = "|".join(str(i) for i in range(len(backbone.vit.blocks), 100))
    return rf"backbone\.vit\.blocks\.({numbers})\."


def parts(**modules: nn.Module) -> nn.Module:
    whole = nn.Module()
    for name, module in modules.items():
        whole.add_module(name, module)
    return whole


@torch.no_grad()
def dpt_encoder(case: Case) -> None:
    hyper, image = case.meta["hyper"], case.inputs["image"]
    norm = "BN" if hyper["use_bn"] else ""
    encoder = dpt(hyper)
    channels = {name: width for name, width in encoder.channels.items()}
    decoder = RefineNet(
        in_channels=channels, conv_dim=hyper["decoder_features"], mask_dim=1, norm=norm
    )
    head = r"criterion\.|grouping\.pixel_decoder\.fusion\.3\.skip\."
    state = sazs.convert(case.prefixed_state)
    state |= {
        f"grouping.pixel_decoder.mask_features.{name}": value
        for name, value in decoder.mask_features.state_dict().items()
    }
    model = parts(backbone=encoder, grouping=parts(pixel_decoder=decoder)).eval()
    load_all(model, state, without(VIT_END, later_blocks(encoder), head))

    maps = encoder(image)
    tokens = encoder.vit(image, hyper["hooks"])
    grid = (image.shape[2] // hyper["patch"], image.shape[3] // hyper["patch"])
    got = {"pos_embed_resized": encoder.vit.positions(grid)}
    for i, (name, own, path) in enumerate(
        zip(FEATURES, tokens, reversed(decoder.paths(maps)), strict=True), start=1
    ):
        got[f"block_hook_{i}"], got[f"layer_{i}"], got[f"path_{i}"] = own, maps[name], path
    check_all(case, got)


class GivenText(TextEncoder):
    """Embeddings of a case: row 0 is "others", row k + 1 the class called "k"."""

    reads_templates = False

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table, requires_grad=False)
        self.dim = table.shape[1]

    def forward(self, prompts: Any) -> Tensor:
        return self.table[[0 if name == "others" else int(name) + 1 for name in prompts]]

    @property
    def fingerprint(self) -> str:
        return ""


def question(class_id: int | Tensor) -> Vocabulary:
    return Vocabulary(("others", str(int(class_id))))


def sazs_model(
    backbone: nn.Module, decoder: nn.Module, table: Tensor, **options: Any
) -> ZeroShotSegmentor:
    grouping = PixelGrid(pixel_decoder=decoder)
    width = grouping.embedding_dim
    return ZeroShotSegmentor(
        backbone=backbone,
        grouping=grouping,
        naming=Projection(in_dim=width, dim=width, layers=0),
        text=TextBank(GivenText(table), normalize=False),
        readout=PixelReadout(enlargement="at_once"),
        **{"pixel_mean": SAZS_MEAN, "pixel_std": SAZS_STD, "size_divisibility": 16, **options},
    )


def sazs_vit(
    hyper: dict[str, Any], state: dict[str, Tensor], table: Tensor, **options: Any
) -> ZeroShotSegmentor:
    """SAZS's ViT with the weights of a case."""
    backbone = dpt(hyper, ("res3",))
    decoder = BackboneMap(in_feature="res3", in_channels=backbone.channels["res3"])
    criterion = options.pop("criterion", ShapeAware(dim=decoder.embedding_dim))
    model = sazs_model(backbone, decoder, table, criterion=criterion, **options)
    state = sazs.convert(state) | {"text.encoder.table": table}
    load_all(model, state, without(UNUSED, later_blocks(backbone)))
    return model


def normalised(images: Tensor) -> ImageBatch:
    """A case's images, normalised already."""
    return ImageBatch(tuple(images))


def grid_outputs(model: ZeroShotSegmentor, images: Tensor, text: Tensor) -> dict[str, Tensor]:
    """Features, edge logits and log-probabilities (B, 2, h, w) of normalised images."""
    (regions,) = model.grouping(model.backbone(images))
    logits = regions.paint(model.naming(regions, text))
    return {
        "features": regions.paint(regions.embeddings),
        "edge_logits": model.criterion.edge_logits(regions)[:, None],
        "log_probs": logits.log_softmax(1),
    }


@torch.no_grad()
def sazs_vit_full(case: Case) -> None:
    hyper, text = case.meta["hyper"], case.inputs["text_features"]
    model = sazs_vit(hyper, case.prefixed_state, text).eval()
    image = case.inputs["image"].numpy()
    whole = torch.from_numpy(image).permute(2, 0, 1).float()
    small = torch.from_numpy(Warp(hyper["test_size"]).image(image)).permute(2, 0, 1)
    batch = [
        ImageBatch((own,)).normalised(model.pixel_mean, model.pixel_std) for own in (whole, small)
    ]
    got = dict(zip(("normalized", "resized"), batch, strict=True))
    got |= grid_outputs(model, got["resized"], text[:, None])
    size = image.shape[:2]
    sides = (hyper["test_size"],) * 2
    got["log_probs_full"] = at_once(got["log_probs"], sides, sides, size)
    inputs = {"image": small, "vocabulary": question(0), "height": size[0], "width": size[1]}
    predicted = model.labels([inputs])[0]["labels"][None]
    differing = (predicted != case.outputs.pop("pred")).float().mean()
    assert differing <= 1e-3, f"{differing:.2%} of the pixels differ; the case allows 0.1 %"
    check_all(case, got)


@torch.no_grad()
def sazs_drn_full(case: Case) -> None:
    hyper, text = case.meta["hyper"], case.inputs["text_features"]
    backbone = DRN(layers=hyper["layers"], channels=hyper["channels"])
    decoder = PyramidPooling(
        in_feature="level8",
        in_channels=hyper["channels"][-1],
        mask_dim=hyper["head_channels"],
        dropout=hyper["dropout2d"],
    )
    criterion = ShapeAware(dim=hyper["head_channels"])
    model = sazs_model(backbone, decoder, text[0], criterion=criterion).eval()
    state = sazs.convert(case.prefixed_state) | {"text.encoder.table": text[0]}
    load_all(model, state, r"fc2\.|up\.")
    got = grid_outputs(model, case.inputs["image"], text[:, :, None])
    got["base"] = backbone(case.inputs["image"])["level8"]
    check_all(case, got)


def lseg_zs_vit(case: Case) -> None:
    backbone = dpt(case.meta["hyper"])
    lseg_logits(case, backbone, backbone.channels, without(VIT_END, later_blocks(backbone)))


def lseg_zs_rn(case: Case) -> None:
    hyper = case.meta["hyper"]
    channels = dict(zip(FEATURES, hyper["reassemble_or_stage_channels"], strict=True))
    stages, width = [], hyper["planes"][0]
    for i, (name, blocks, planes) in enumerate(
        zip(FEATURES, hyper["stage_blocks"], hyper["planes"], strict=True)
    ):
        options = {"width": planes, "norm": "BN", "stride": 2 if i else 1}
        stages.append(
            make_stage(Bottleneck, width, channels[name], dilations=[1] * blocks, **options)
        )
        width = channels[name]
    stem = Stem(3, hyper["planes"][0], norm="BN")
    lseg_logits(case, ResNet(stem=stem, stages=stages, out_features=FEATURES), channels, "unread")


@torch.no_grad()
def lseg_logits(case: Case, backbone: nn.Module, channels: dict[str, int], unread: str) -> None:
    hyper, table = case.meta["hyper"], case.inputs["text_table"]
    decoder = RefineNet(
        in_channels=channels,
        conv_dim=hyper["features"],
        mask_dim=hyper["out_c"],
        norm="BN" if hyper["use_bn"] else "",
    )
    naming = TextClassifier(
        in_dim=hyper["out_c"],
        dim=hyper["out_c"],
        layers=0,
        temperature=1 / hyper["logit_scale"],
        with_void=False,
    )
    model = ZeroShotSegmentor(
        backbone=backbone,
        grouping=PixelGrid(pixel_decoder=decoder),
        naming=naming,
        text=TextBank(GivenText(table)),
        readout=PixelReadout(enlargement="by_corners"),
        pixel_mean=(0.0,) * 3,
        pixel_std=(1.0,) * 3,
    ).eval()
    state = {f"net.{key}": value for key, value in case.prefixed_state.items()}
    kept, _ = drop(lseg.convert(drop(state, lseg.DROPPED)[0]), [(unread, "nobody reads it")])
    own = {name: value for name, value in model.state_dict().items() if name not in kept}
    assert all(name.startswith(("text.", "naming.")) for name in own), sorted(own)
    model.load_state_dict({**kept, **own})

    asked = [question(k) for k in case.inputs["class_id"]]
    images = case.inputs["image"]
    (regions,) = model.grouping(model.backbone(images))
    grid = regions.paint(model.naming(regions, model.text(asked)))
    size = tuple(images.shape[2:])
    inputs = [{"image": i, "vocabulary": v} for i, v in zip(images, asked, strict=True)]
    for one, maps in enumerate(model.predict(inputs)):  # what the whole model makes of them
        enlarged = model.readout.enlarge(grid[one : one + 1], size, size, size)
        torch.testing.assert_close(maps.scores(), enlarged.softmax(1)[0], atol=1e-5, rtol=1e-4)
    check_all(case, {"logits": model.readout.enlarge(grid, size, size, size)})


@torch.no_grad()
def clip_text(case: Case) -> None:
    state = open_clip_state(case.prefixed_state)
    model = build_clip(clip_config_of(state, text_heads=case.meta["hyper"]["heads"]))
    load_clip_state(model, {**state, "logit_scale": model.logit_scale}, case.path.stem)
    check_all(case, {"text_features": model.encode_text(case.inputs["tokens"])})


KINDS: dict[str, Callable[[Case], None]] = {
    "clip_text": clip_text,
    "dpt_encoder": dpt_encoder,
    "lseg_zs_rn": lseg_zs_rn,
    "lseg_zs_vit": lseg_zs_vit,
    "sazs_drn_full": sazs_drn_full,
    "sazs_vit_full": sazs_vit_full,
}
