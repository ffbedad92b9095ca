"""What scores learn from each other."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.AGGREGATION = CN()
    # "CostAggregation" (CAT-Seg), or "" for none.
    cfg.MODEL.AGGREGATION.NAME = ""
    # Scores the naming gives a class: those of the templates with MODEL.TEXT.ENSEMBLE False.
    cfg.MODEL.AGGREGATION.TEMPLATES = 1
    # Width, attention heads, and layers (spatial, then class aggregation).
    cfg.MODEL.AGGREGATION.DIM = 128
    cfg.MODEL.AGGREGATION.HEADS = 4
    cfg.MODEL.AGGREGATION.LAYERS = 2
    # Side of the windows of spatial aggregation (cells). Smaller maps are one window; with
    # SHRINK_WINDOWS False (published in the mmsegmentation port) they are padded to it.
    cfg.MODEL.AGGREGATION.WINDOW = 12
    cfg.MODEL.AGGREGATION.SHRINK_WINDOWS = True
    # Class aggregation: "linear", or "full" (whose memory grows with the vocabulary).
    cfg.MODEL.AGGREGATION.CLASS_ATTENTION = "linear"
    # It sees means over this many cells down and across.
    cfg.MODEL.AGGREGATION.POOLING = [1, 1]
    # It is filled up to this many classes with a learned one; 0 for none (CAT-Seg v2: 256).
    cfg.MODEL.AGGREGATION.PAD_TO = 0
    # Look only at this many classes of an image, those most similar to any of its cells; 0 looks at
    # all (CAT-Seg v2: 256).
    cfg.MODEL.AGGREGATION.KEEP = 0
    # Guidance of the layers: a backbone feature ("" for none) and the width of its projection.
    cfg.MODEL.AGGREGATION.APPEARANCE = "clip"
    cfg.MODEL.AGGREGATION.APPEARANCE_DIM = 128
    # Guidance by the names themselves: width of its projection, 0 for none.
    cfg.MODEL.AGGREGATION.TEXT_DIM = 128
    # The decoder's blocks, each of which doubles the grid: their channels (multiples of 16), the
    # backbone features that guide them ([] for none) and the widths of those projections.
    cfg.MODEL.AGGREGATION.DECODER_DIMS = [64, 32]
    cfg.MODEL.AGGREGATION.DECODER_FEATURES = []
    cfg.MODEL.AGGREGATION.DECODER_GUIDANCE_DIMS = [32, 16]
    # Features too coarse for their block are enlarged to it by a transposed convolution to so many
    # channels first.
    cfg.MODEL.AGGREGATION.UPSAMPLED_DIMS = [256, 128]
    # Dropout of channels in front of the last convolution; standard deviation of the weights that
    # starts with (0: torch's start). The mmsegmentation port: 0.1 and 0.01.
    cfg.MODEL.AGGREGATION.DROPOUT = 0.0
    cfg.MODEL.AGGREGATION.HEAD_STD = 0.0
    # Classes at a time (of one image, or of all together if they are no more). Changes memory and
    # speed, not the result.
    cfg.MODEL.AGGREGATION.CLASS_CHUNK = 32
    # Training: compute activations again in the backward pass instead of keeping them.
    cfg.MODEL.AGGREGATION.RECOMPUTE = False
    # Published slips of the mmsegmentation port, for its weights: guidance of the images of a batch
    # goes around among their classes; the class perceptron's normalised input is added once more.
    cfg.MODEL.AGGREGATION.MIX_IMAGES = False
    cfg.MODEL.AGGREGATION.MLP_IDENTITY = False
