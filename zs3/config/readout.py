"""How scores become maps."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.READOUT = CN()
    # "RegionReadout" or "PixelReadout".
    cfg.MODEL.READOUT.NAME = "RegionReadout"
    # PixelReadout: "softmax" or "sigmoid" ...
    cfg.MODEL.READOUT.ACTIVATION = "softmax"
    # ... taken after resizing the logits to the "input" or to the "output" size.
    cfg.MODEL.READOUT.ACTIVATE_AT = "output"
    # PixelReadout: how maps on the grid become larger: "by_input" (to the input, then to the
    # output), "by_corners" (the same, with corner cells on corner pixels: LSeg), "at_once" (SAZS).
    cfg.MODEL.READOUT.ENLARGEMENT = "by_input"
    # RegionReadout: resize masks to the output size before painting, not the painted scores.
    cfg.MODEL.READOUT.PAINT_AT_OUTPUT = False
