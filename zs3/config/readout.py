"""How scores become maps."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.READOUT = CN()
    # "RegionReadout" or "PixelReadout".
    cfg.MODEL.READOUT.NAME = "RegionReadout"
    # PixelReadout: "softmax", "sigmoid" or "none" ...
    cfg.MODEL.READOUT.ACTIVATION = "softmax"
    # ... taken after resizing the logits to the "input" or to the "output" size, or on the "grid",
    # whose scores are resized with their padding (CAT-Seg's whole images).
    cfg.MODEL.READOUT.ACTIVATE_AT = "output"
    # PixelReadout: how maps on the grid become larger: "by_input" (to the input, then to the
    # output), "by_corners" (the same, with corner cells on corner pixels: LSeg,
    # ZS3Net), "at_once" (SAZS).
    cfg.MODEL.READOUT.ENLARGEMENT = "by_input"
    # RegionReadout: resize masks to the output size before painting, not the painted scores.
    cfg.MODEL.READOUT.PAINT_AT_OUTPUT = False
    # PixelReadout: of several groupings read the "last", or the highest logit of all ("max"), as
    # SPNet does with three sizes of an image (MODEL.BACKBONE.SCALES).
    cfg.MODEL.READOUT.MERGE = "last"
