import pytest

from zs3.config import add_zs3_config
from zs3.grouping import ResidualProposal
from zs3.readout import PixelReadout, RegionReadout, build_readout
from zs3.runtime.config import CfgNode, get_cfg


@pytest.fixture
def cfg() -> CfgNode:
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.REFINERS = ["SeenBias"]  # asks no text encoder
    cfg.MODEL.SEEN_BIAS.GAMMA = 0.25
    return cfg


def test_a_region_readout(cfg: CfgNode) -> None:
    cfg.MODEL.READOUT.PAINT_AT_OUTPUT = True
    cfg.MODEL.RESIDUAL_PROPOSAL.ENABLED = True

    readout = build_readout(cfg, text=None)

    assert isinstance(readout, RegionReadout) and readout.paint_at_output
    assert isinstance(readout.residual, ResidualProposal)
    assert readout.bias.gamma == 0.25 and not readout.refiners


def test_a_pixel_readout(cfg: CfgNode) -> None:
    cfg.MODEL.READOUT.NAME = "PixelReadout"
    cfg.MODEL.READOUT.ACTIVATION = "sigmoid"
    cfg.MODEL.READOUT.ACTIVATE_AT = "input"
    cfg.TEST.CLASS_CHUNK = 7

    readout = build_readout(cfg, text=None)

    assert isinstance(readout, PixelReadout)
    assert (readout.activation, readout.activate_at, readout.class_chunk) == ("sigmoid", "input", 7)
    assert readout.bias.gamma == 0.25


def test_an_unknown_readout_is_refused(cfg: CfgNode) -> None:
    cfg.MODEL.READOUT.NAME = "RegionsReadout"
    with pytest.raises(ValueError, match="Did you mean 'RegionReadout'"):
        build_readout(cfg, text=None)
