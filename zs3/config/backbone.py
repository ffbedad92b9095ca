"""Backbones beside MODEL.RESNETS."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.TIMM = CN()
    # Any timm model with features_only support; features are called res1, res2, ... by stride 2, 4,
    # ...
    cfg.MODEL.TIMM.NAME = "resnet50"
    # Load the weights timm has for it.
    cfg.MODEL.TIMM.PRETRAINED = False
    cfg.MODEL.TIMM.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    cfg.MODEL.MOBILENET = CN()
    # Features of stride 4, 8, 16 and 32.
    cfg.MODEL.MOBILENET.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    # Pad stride-2 convolutions at the right and bottom only, as TensorFlow's "SAME" does (weights
    # that come from there).
    cfg.MODEL.MOBILENET.SAME_PADDING = False
    cfg.MODEL.CONVNET = CN()
    # A small residual network for small images: channels of stem and stages (strides 2, 4, 8, 16).
    cfg.MODEL.CONVNET.CHANNELS = [32, 48, 96, 128]
    # Residual blocks after each strided convolution.
    cfg.MODEL.CONVNET.BLOCKS = [0, 1, 2, 2]
    cfg.MODEL.CONVNET.OUT_FEATURES = ["res2", "res3", "res4"]
    cfg.MODEL.CLIP_VISUAL = CN()
    # MODEL.CLIP's image tower as a backbone: what its dense features are, "tokens" (the last
    # block's) or "value" (its value path alone, as MaskCLIP).
    cfg.MODEL.CLIP_VISUAL.DENSE = "value"
    # Blocks whose tokens are features as well, called block0, block1, ...
    cfg.MODEL.CLIP_VISUAL.LEVELS = []
    # How positions are resized to other image sizes: "bicubic" or "bilinear".
    cfg.MODEL.CLIP_VISUAL.INTERPOLATION = "bicubic"
    # Weights for the backbone alone; "" leaves it at its random start. MODEL.WEIGHTS, if given,
    # wins.
    cfg.MODEL.BACKBONE.WEIGHTS = ""
    # Look at resized images as well: factors of their sides, e.g. [0.5, 0.75]. Per-pixel methods
    # name the pixels of every size; MODEL.READOUT.MERGE "max" takes the highest logit.
    cfg.MODEL.BACKBONE.SCALES = []
