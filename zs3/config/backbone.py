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
    cfg.MODEL.SWIN = CN()
    # Channels of the first stage; blocks and attention heads of each stage. Swin-T's; for the other
    # sizes configs/backbone has files.
    cfg.MODEL.SWIN.EMBED_DIM = 96
    cfg.MODEL.SWIN.DEPTHS = [2, 2, 6, 2]
    cfg.MODEL.SWIN.NUM_HEADS = [3, 6, 12, 24]
    # Side of the windows (cells): 7 for weights trained at 224 pixels, 12 for those at 384.
    cfg.MODEL.SWIN.WINDOW_SIZE = 7
    # Side of the patches (pixels), and a norm behind them.
    cfg.MODEL.SWIN.PATCH_SIZE = 4
    cfg.MODEL.SWIN.PATCH_NORM = True
    # Width of the perceptrons in channels of their stage; queries, keys and values have a bias.
    cfg.MODEL.SWIN.MLP_RATIO = 4.0
    cfg.MODEL.SWIN.QKV_BIAS = True
    # Stochastic depth: probability of skipping the last block's parts; it grows linearly from 0.
    cfg.MODEL.SWIN.DROP_PATH_RATE = 0.3
    # Features of stride 4, 8, 16 and 32, each with a norm of its own.
    cfg.MODEL.SWIN.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
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
    cfg.MODEL.DPT = CN()
    # A ViT whose tokens become maps of stride 4, 8, 16 and 32: width, attention heads and side of
    # the patches (pixels) of the ViT, and of the square images it was trained on. ViT-L/16's.
    cfg.MODEL.DPT.DIM = 1024
    cfg.MODEL.DPT.HEADS = 16
    cfg.MODEL.DPT.PATCH = 16
    cfg.MODEL.DPT.IMAGE_SIZE = 384
    # Block (counted from 0) that each map is made of, and the map's channels.
    cfg.MODEL.DPT.TAPS = [5, 11, 17, 23]
    cfg.MODEL.DPT.CHANNELS = [256, 512, 1024, 1024]
    # What becomes of the class token: "project", "add" or "ignore".
    cfg.MODEL.DPT.READOUT = "project"
    # The others, and blocks that none of these needs, are not built.
    cfg.MODEL.DPT.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    cfg.MODEL.DRN = CN()
    # Dilated residual network: layers and channels of level1 to level8. DRN-D-105's.
    cfg.MODEL.DRN.LAYERS = [1, 1, 3, 4, 23, 3, 1, 1]
    cfg.MODEL.DRN.CHANNELS = [16, 32, 64, 128, 256, 512, 512, 512]
    # Of level0 to level8; the last one has stride 8.
    cfg.MODEL.DRN.OUT_FEATURES = ["level8"]
    # Weights for the backbone alone, or a whole model to take its backbone from
    # (docs/checkpoints.md); "" leaves it at its random start. MODEL.WEIGHTS, if given, wins.
    cfg.MODEL.BACKBONE.WEIGHTS = ""
