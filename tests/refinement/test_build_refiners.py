import copy

import pytest
import torch

from zs3.config import add_zs3_config
from zs3.refinement import (
    ClipSecondLook,
    CropLook,
    DenseLook,
    PublishedFusion,
    RenormalizedFusion,
    SquareBoxes,
    build_refiners,
    tight_boxes,
)
from zs3.runtime.config import CfgNode, get_cfg
from zs3.text import TextBank, build_text_bank


@pytest.fixture
def cfg() -> CfgNode:
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.CLIP.NAME = "shapes_clip"
    cfg.MODEL.CLIP.PRETRAINED = ""
    cfg.MODEL.REFINERS = ["ClipSecondLook", "SeenBias"]
    return cfg


@pytest.fixture
def text(cfg: CfgNode) -> TextBank:
    return build_text_bank(cfg)


def test_the_published_parts(cfg: CfgNode, text: TextBank) -> None:
    cfg.MODEL.SEEN_BIAS.GAMMA = 0.3

    (look,), bias = build_refiners(cfg, text)

    assert isinstance(look, ClipSecondLook) and isinstance(look.look, CropLook)
    assert look.look.crops.boxes is tight_boxes and look.look.crops.size == 48
    assert isinstance(look.fusion, PublishedFusion) and look.fusion.average_seen
    assert bias.gamma == 0.3
    torch.testing.assert_close(
        look.pixel_mean.flatten(), torch.tensor([122.7709383, 116.7460125, 104.09373615])
    )
    torch.testing.assert_close(
        look.pixel_std.flatten(), torch.tensor([68.5005327, 66.6321579, 70.323163])
    )


def test_the_parts_of_shapes(cfg: CfgNode, text: TextBank) -> None:
    cfg.MODEL.REFINERS = ["ClipSecondLook"]
    cfg.MODEL.SECOND_LOOK.SQUARE = True
    cfg.MODEL.SECOND_LOOK.MARGIN = 1.1
    cfg.MODEL.SECOND_LOOK.PAD = 2.0
    cfg.MODEL.SECOND_LOOK.FUSION = "RenormalizedFusion"

    (look,), bias = build_refiners(cfg, text)

    assert look.look.crops.boxes == SquareBoxes(1.1, 2.0)
    assert isinstance(look.fusion, RenormalizedFusion)
    assert bias.gamma == 0


def test_one_pass(cfg: CfgNode, text: TextBank) -> None:
    cfg.MODEL.SECOND_LOOK.MODE = "one_pass"

    assert isinstance(build_refiners(cfg, text)[0][0].look, DenseLook)


def test_clip_belongs_to_the_text_encoder(cfg: CfgNode, text: TextBank) -> None:
    (look,), _ = build_refiners(cfg, text)

    assert look.clip is text.encoder.model and look.look.visual is text.encoder.model.visual
    assert not look.state_dict()
    copied_text, copied_look = copy.deepcopy((text, look))
    assert copied_look.clip is copied_text.encoder.model is not text.encoder.model
    assert copied_look.look.visual is copied_text.encoder.model.visual


def test_a_bias_before_another_refiner_is_refused(cfg: CfgNode, text: TextBank) -> None:
    cfg.MODEL.REFINERS = ["SeenBias", "ClipSecondLook"]
    with pytest.raises(ValueError, match=r"must be the last of MODEL\.REFINERS"):
        build_refiners(cfg, text)


def test_a_gamma_that_nobody_would_read_is_refused(cfg: CfgNode, text: TextBank) -> None:
    cfg.MODEL.REFINERS = ["ClipSecondLook"]
    cfg.MODEL.SEEN_BIAS.GAMMA = 0.2
    with pytest.raises(ValueError, match=r"GAMMA is 0\.2, but .* has no SeenBias"):
        build_refiners(cfg, text)


def test_an_unknown_mode_is_refused(cfg: CfgNode, text: TextBank) -> None:
    cfg.MODEL.SECOND_LOOK.MODE = "two_pass"
    with pytest.raises(ValueError, match="'two_pass'; expected 'crops' or 'one_pass'"):
        build_refiners(cfg, text)
