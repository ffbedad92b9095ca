"""Backbones beside MODEL.RESNETS."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    # "basic" (one 7x7 convolution) or "deeplab" (three 3x3: R-101c), of STEM_OUT_CHANNELS.
    cfg.MODEL.RESNETS.STEM_TYPE = "basic"
    # Dilation of res4; a stage that dilates more than the one before it keeps the grid.
    cfg.MODEL.RESNETS.RES4_DILATION = 1
    # Factors on the dilation of the blocks of res5 (DeepLabV3: [1, 2, 4]); [] for none.
    cfg.MODEL.RESNETS.RES5_MULTI_GRID = []
    cfg.MODEL.DEEPLAB = CN()
    # DeepLabV2: width of its maps (SPNet, CaGNet: the word vectors'), and dilations of its ASPP.
    cfg.MODEL.DEEPLAB.CHANNELS = 600
    cfg.MODEL.DEEPLAB.DILATIONS = [6, 12, 18, 24]
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
    # block's), "value" (its value path alone, as MaskCLIP), "value_block" (a whole block around the
    # value path, CAT-Seg v1) or "value_class" (the same around the class token, CAT-Seg v2).
    cfg.MODEL.CLIP_VISUAL.DENSE = "value"
    # Squash images to a square of this side (pixels) in front of it; 0 takes them as they are.
    cfg.MODEL.CLIP_VISUAL.SQUASH_TO = 0
    # Blocks whose tokens are features as well, called block0, block1, ...; those of
    # PromptedClipVisual are projected into the text space.
    cfg.MODEL.CLIP_VISUAL.LEVELS = []
    # How positions are resized to other image sizes: "bicubic" or "bilinear".
    cfg.MODEL.CLIP_VISUAL.INTERPOLATION = "bicubic"
    # Learned tokens beside the patches, for "ClipVisual": how many of the first blocks get new
    # ones, and how many tokens (CAT-Seg's PROMPT_DEPTH and PROMPT_LENGTH).
    cfg.MODEL.CLIP_VISUAL.PROMPTS = [0, 0]
    # Start the class token as 2 c + p[0] instead of c + p[0], as ZegCLIP and Cascade-CLIP do.
    cfg.MODEL.CLIP_VISUAL.ADD_CLASS_TWICE = False
    # "PromptedClipVisual", the same tower with learned prompts, resizes the positions once, for
    # images of this side (pixels), and keeps them so in its checkpoints; 0 leaves CLIP's.
    cfg.MODEL.CLIP_VISUAL.IMAGE_SIZE = 0
    # Run that tower beside the configured backbone: its features join the others.
    cfg.MODEL.CLIP_BESIDE = False
    cfg.MODEL.CLIP_PROMPTS = CN()
    # Prompt tokens a block, the first blocks that have prompts of their own (0: all of them), and
    # dropout on the prompts.
    cfg.MODEL.CLIP_PROMPTS.NUM = 10
    cfg.MODEL.CLIP_PROMPTS.BLOCKS = 0
    cfg.MODEL.CLIP_PROMPTS.DROPOUT = 0.1
    cfg.MODEL.TOWERS = CN()
    # "Towers" is MODEL.CLIP_VISUAL beside another backbone: its name, and the square (side in
    # pixels) its images are squashed to, 0 for none. MODEL.PIXEL_MEAN and PIXEL_STD have six
    # numbers then, CLIP's first.
    cfg.MODEL.TOWERS.APPEARANCE = "ResNet"
    cfg.MODEL.TOWERS.IMAGE_SIZE = 0
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
    # Look at resized images as well: factors of their sides, e.g. [0.5, 0.75]. Per-pixel methods
    # learn from all sizes; they predict from the image's own (CaGNet), or with MODEL.READOUT.MERGE
    # "max" by the highest logit of all (SPNet).
    cfg.MODEL.BACKBONE.SCALES = []
