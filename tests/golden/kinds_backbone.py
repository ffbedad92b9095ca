"""Checks of backbones: Detectron2's ResNet, detectors' Swin, Cascade-CLIP's image tower."""

from __future__ import annotations

from collections.abc import Callable

from golden import Case, check_all
from open_clip.transformer import QuickGELU, VisionTransformer

from zs3.backbone import ClipVisual, ResNet, Swin
from zs3.backbone.resnet import Stem, make_stages
from zs3.checkpoints import swin
from zs3.checkpoints.clip import open_clip_state
from zs3.checkpoints.zegformer import convert


def detectron2_resnet(case: Case) -> None:
    meta = case.meta
    backbone = ResNet(
        stem=Stem(3, meta["stem_out_channels"], norm="FrozenBN"),
        stages=make_stages(
            meta["depth"],
            norm="FrozenBN",
            stem_channels=meta["stem_out_channels"],
            res2_channels=meta["res2_out_channels"],
            res2_width=meta["width_per_group"],
            stride_in_1x1=meta["stride_in_1x1"],
        ),
        out_features=sorted(case.outputs),
    )
    state = convert(case.prefixed_state)
    backbone.load_state_dict({key.removeprefix("backbone."): v for key, v in state.items()})
    check_all(case, backbone(case.inputs["image"]))


def v1_swin_backbone(case: Case) -> None:
    sizes = case.meta["swin"]
    assert not sizes["APE"], "zs3's Swin has no absolute positions"
    backbone = Swin(
        embed_dim=sizes["EMBED_DIM"],
        depths=sizes["DEPTHS"],
        heads=sizes["NUM_HEADS"],
        window=sizes["WINDOW_SIZE"],
        patch_size=sizes["PATCH_SIZE"],
        mlp_ratio=sizes["MLP_RATIO"],
        qkv_bias=sizes["QKV_BIAS"],
        patch_norm=sizes["PATCH_NORM"],
        out_features=sorted(case.outputs),
    ).eval()
    backbone.load_state_dict(swin.convert(case.state))
    check_all(case, backbone(case.inputs["x"]))


def cascade_clip_visual_plain(case: Case) -> None:
    sizes = case.meta["config"]
    visual = VisionTransformer(
        image_size=sizes["input_resolution"],
        patch_size=sizes["patch_size"],
        width=sizes["width"],
        layers=sizes["layers"],
        heads=sizes["heads"],
        mlp_ratio=4.0,
        output_dim=sizes["output_dim"],
        act_layer=QuickGELU,
    )
    tower = ClipVisual(visual=visual, interpolation="bilinear", add_class_twice=True).eval()
    tower.load_state_dict(open_clip_state(case.prefixed_state))
    features = tower.features(case.inputs["img"])
    got = {"feat": features.patches / features.patches.norm(dim=1, keepdim=True)}
    if sizes["get_embeddings"]:
        got["cls"] = features.summary / features.summary.norm(dim=1, keepdim=True)
    check_all(case, got)


KINDS: dict[str, Callable[[Case], None]] = {
    "detectron2_resnet": detectron2_resnet,
    "v1_swin_backbone": v1_swin_backbone,
    "cascade_clip_visual_plain": cascade_clip_visual_plain,
}
