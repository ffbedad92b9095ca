"""DPT's encoder and decoder as SAZS and LSeg store them, and ViTs of timm as DPT's encoder."""

from __future__ import annotations

from torch import Tensor

from .key_map import Rule, rename

UNREAD = r"pretrained\.model\.(norm|head)\."

RULES: tuple[Rule, ...] = (
    (r"pretrained\.model\.", "backbone.vit."),
    *(
        (rf"pretrained\.act_postprocess{i}\.{theirs}\.", f"backbone.reassemble.res{i + 1}.{ours}.")
        for i in range(1, 5)
        for theirs, ours in ((r"0\.project\.0", "read.0"), ("3", "project"), ("4", "resample"))
    ),
    (r"scratch\.head1\.", "grouping.pixel_decoder.mask_features."),
    *(
        (rf"scratch\.{theirs}", f"grouping.pixel_decoder.{ours}")
        for i in range(1, 5)
        for theirs, ours in (
            (rf"layer{i}_rn\.", f"lateral.{i - 1}."),
            (rf"refinenet{i}\.out_conv\.", f"fusion.{i - 1}.project."),
            (rf"refinenet{i}\.resConfUnit1\.conv(\d)\.", rf"fusion.{i - 1}.skip.conv\1."),
            (rf"refinenet{i}\.resConfUnit1\.bn(\d)\.", rf"fusion.{i - 1}.skip.conv\1.norm."),
            (rf"refinenet{i}\.resConfUnit2\.conv(\d)\.", rf"fusion.{i - 1}.refine.conv\1."),
            (rf"refinenet{i}\.resConfUnit2\.bn(\d)\.", rf"fusion.{i - 1}.refine.conv\1.norm."),
        )
    ),
)


def convert_vit(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of timm's ViT under the names of `zs3.backbone.DPT`; its end keeps its names."""
    return rename(state, [(r"(?=cls_token$|pos_embed$|patch_embed\.|blocks\.)", "vit.")])
