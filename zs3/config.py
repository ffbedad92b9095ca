"""
Every configuration key of zs3, with its default and what it does.

Keys that Detectron2 has keep their Detectron2 names and meanings; `add_zs3_config` adds zs3's own
and sets what differs. Names of parts are the registered class names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from .runtime.config import CfgNode as CN
from .runtime.config import load_config


def get_config(config_file: str | Path | None = None, opts: Sequence[str] = ()) -> CN:
    """
    Defaults, then a YAML file with its bases, then KEY VALUE pairs; frozen.

    Raises:
        ValueError, FileNotFoundError: as `load_config`, with the key, the file and the nearest
            known key.
    """
    cfg = load_config(config_file, opts, add_zs3_config)
    device = cfg.MODEL.DEVICE
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"MODEL.DEVICE is {device!r}, but torch finds no GPU; take auto or cpu.")
    cfg.freeze()
    return cfg


def add_zs3_config(cfg: CN) -> None:
    """Adds zs3's keys to a Detectron2 configuration, in place."""
    _differences_from_detectron2(cfg)
    _data(cfg)
    _text(cfg)
    _parts(cfg)
    _engine(cfg)


def _differences_from_detectron2(cfg: CN) -> None:
    cfg.MODEL.META_ARCHITECTURE = "ZeroShotSegmentor"
    # "auto" is a GPU where there is one, else the CPU.
    cfg.MODEL.DEVICE = "auto"
    cfg.MODEL.PIXEL_MEAN = [123.675, 116.28, 103.53]
    cfg.MODEL.PIXEL_STD = [58.395, 57.12, 57.375]
    cfg.MODEL.BACKBONE.NAME = "ResNet"
    cfg.MODEL.BACKBONE.FREEZE_AT = 0
    cfg.MODEL.RESNETS.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    cfg.MODEL.RESNETS.STRIDE_IN_1X1 = False
    cfg.INPUT.FORMAT = "RGB"
    cfg.SOLVER.LR_SCHEDULER_NAME = "WarmupPolyLR"
    cfg.SOLVER.WARMUP_ITERS = 0
    cfg.SEED = 0


def _data(cfg: CN) -> None:
    # INPUT.RANDOM_FLIP may be "both" (horizontal and vertical, independently) as well.
    # Padded sizes are multiples of it, in training and prediction (pixels); 0 pads to the largest
    # image only.
    cfg.INPUT.SIZE_DIVISIBILITY = 32
    # Training images are padded to at least this side (pixels) at the right and bottom, as the
    # published mappers do.
    cfg.INPUT.PAD_TO = 0
    # A crop is drawn again (up to 10 times) while one label covers more than this share of it; 1.0
    # accepts any crop.
    cfg.INPUT.CROP.SINGLE_CATEGORY_MAX_AREA = 1.0
    # SSD's random brightness, contrast, saturation and hue.
    cfg.INPUT.COLOR_AUG_SSD = False
    # Your own data: YAML files that describe folders of images and labels (docs/your-data.md). What
    # they describe is registered as NAME_train and NAME_val for DATASETS.TRAIN and DATASETS.TEST.
    cfg.DATASETS.FILES = []


def _text(cfg: CN) -> None:
    cfg.MODEL.CLIP = CN()
    # An open_clip model name, "local-dir:DIR", or a name in zs3/assets ("shapes_clip").
    cfg.MODEL.CLIP.NAME = "ViT-B-16-quickgelu"
    # An open_clip pretrained tag, a weight file (open_clip's or OpenAI's), or "" for what NAME
    # itself brings.
    cfg.MODEL.CLIP.PRETRAINED = "openai"

    cfg.MODEL.TEXT = CN()
    # "OpenClipText", "WordVectors" or "PrecomputedText".
    cfg.MODEL.TEXT.ENCODER = "OpenClipText"
    # A template set of zs3/text/templates.json by name ("single_scene" is ZegFormer's "single"), or
    # templates of your own with "|" between them: "a photo of a {}|the {}".
    cfg.MODEL.TEXT.TEMPLATES = "single"
    # What to say for a class of several synonyms: "first", or "all" (every template with every
    # synonym).
    cfg.MODEL.TEXT.SYNONYMS = "all"
    # Average the templates (and synonyms) into one embedding a class; False keeps P of them.
    cfg.MODEL.TEXT.ENSEMBLE = True
    # Scale every prompt's embedding, and the average, to unit length.
    cfg.MODEL.TEXT.NORMALIZE = True
    # Files of word vectors or of precomputed embeddings; several are concatenated, in order:
    # "vectors.npz#ARRAY,NAMES", "matrix.npy:names.json#key", or word2vec/GloVe/fastText text.
    cfg.MODEL.TEXT.FILES = []
    # Names spelled differently in those files, as ["name in the dataset", "name in the file"]
    # pairs.
    cfg.MODEL.TEXT.ALIASES = []

    # Train the text encoder no further than it is.
    cfg.MODEL.TEXT.FROZEN = True
    # Directory that keeps embeddings from run to run; "" keeps them in memory only.
    cfg.MODEL.TEXT.CACHE_DIR = ""


def _parts(cfg: CN) -> None:
    # ---- backbones beside MODEL.RESNETS
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

    # ---- grouping
    cfg.MODEL.GROUPING = CN()
    # "MaskProposals" or "PixelGrid".
    cfg.MODEL.GROUPING.NAME = "MaskProposals"
    cfg.MODEL.PIXEL_DECODER = CN()
    # "FPN", "TransformerEncoderFPN", or "BackboneMap": the finest of IN_FEATURES as it is.
    cfg.MODEL.PIXEL_DECODER.NAME = "FPN"
    # Backbone features it reads.
    cfg.MODEL.PIXEL_DECODER.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    # Width of its maps, and of the mask features.
    cfg.MODEL.PIXEL_DECODER.CONV_DIM = 256
    cfg.MODEL.PIXEL_DECODER.MASK_DIM = 256
    # "GN" (32 groups), "BN", or "" for none.
    cfg.MODEL.PIXEL_DECODER.NORM = "GN"
    # Encoder layers on the coarsest map (TransformerEncoderFPN).
    cfg.MODEL.PIXEL_DECODER.ENC_LAYERS = 6
    cfg.MODEL.QUERY_DECODER = CN()
    # "DETRDecoder" (one map, full attention) or "MaskedDecoder" (several maps in turn, attention
    # inside the masks).
    cfg.MODEL.QUERY_DECODER.NAME = "DETRDecoder"
    # Map(s) the queries attend to: a backbone feature for DETRDecoder ("pixel_decoder" for its
    # encoded map); for MaskedDecoder how many of the pixel decoder's maps, coarse first.
    cfg.MODEL.QUERY_DECODER.IN_FEATURE = "res5"
    cfg.MODEL.QUERY_DECODER.NUM_SCALES = 3
    cfg.MODEL.QUERY_DECODER.NUM_QUERIES = 100
    # Width, attention heads, and width of the perceptrons of its layers.
    cfg.MODEL.QUERY_DECODER.HIDDEN_DIM = 256
    cfg.MODEL.QUERY_DECODER.NHEADS = 8
    cfg.MODEL.QUERY_DECODER.DIM_FEEDFORWARD = 2048
    # Layers (published "10" of Mask2Former is 9 here), normalisation in front of them, dropout.
    cfg.MODEL.QUERY_DECODER.ENC_LAYERS = 0
    cfg.MODEL.QUERY_DECODER.DEC_LAYERS = 6
    cfg.MODEL.QUERY_DECODER.PRE_NORM = False
    cfg.MODEL.QUERY_DECODER.DROPOUT = 0.1
    # Supervise every decoder layer, not only the last.
    cfg.MODEL.QUERY_DECODER.DEEP_SUPERVISION = True
    # A 1x1 convolution in front even where the widths already agree.
    cfg.MODEL.QUERY_DECODER.ENFORCE_INPUT_PROJ = False
    cfg.MODEL.RESIDUAL_PROPOSAL = CN()
    # One more proposal, at prediction: what no query claims. For training data with ignored unseen
    # pixels.
    cfg.MODEL.RESIDUAL_PROPOSAL.ENABLED = False
    # It needs this many pixels after opening with a square of KERNEL pixels.
    cfg.MODEL.RESIDUAL_PROPOSAL.MIN_PIXELS = 100
    cfg.MODEL.RESIDUAL_PROPOSAL.KERNEL = 5

    # ---- naming
    cfg.MODEL.NAMING = CN()
    # "TextClassifier" (cosine), "Projection" (plain inner product), or "Linear" (weights of its own
    # for the classes of one vocabulary).
    cfg.MODEL.NAMING.NAME = "TextClassifier"
    # Layers of the map from region embeddings into the text space; more than one put ReLU between.
    # 0: none.
    cfg.MODEL.NAMING.LAYERS = 1
    # Divides the cosines; trained if LEARN_TEMPERATURE, down to MIN_TEMPERATURE.
    cfg.MODEL.NAMING.TEMPERATURE = 0.01
    cfg.MODEL.NAMING.LEARN_TEMPERATURE = False
    cfg.MODEL.NAMING.MIN_TEMPERATURE = 0.01
    # A learned last column for regions that are no class. Set criteria need it, pixel criteria do
    # not.
    cfg.MODEL.NAMING.WITH_VOID = True
    # Scale the void vector to unit length like the classes; the published ZegFormer does not.
    cfg.MODEL.NAMING.NORMALIZE_VOID = False

    # Linear: classes of the vocabulary it belongs to.
    cfg.MODEL.NAMING.NUM_CLASSES = 0

    # ---- refinement: names in order of application, "ClipSecondLook" and/or "SeenBias"
    cfg.MODEL.REFINERS = []
    cfg.MODEL.SECOND_LOOK = CN()
    # "crops": one CLIP pass a proposal; "one_pass": one dense CLIP pass an image, pooled inside the
    # masks.
    cfg.MODEL.SECOND_LOOK.MODE = "crops"
    # What a crop shows: "cropmask" (the segment on the mean colour), "crop" (with its surroundings)
    # or "mask" (no crop).
    cfg.MODEL.SECOND_LOOK.STYLE = "cropmask"
    # Crop a square around the mask's box instead of stretching the box.
    cfg.MODEL.SECOND_LOOK.SQUARE = False
    # The square is MARGIN times as wide as the box, plus PAD pixels on each side.
    cfg.MODEL.SECOND_LOOK.MARGIN = 1.0
    cfg.MODEL.SECOND_LOOK.PAD = 0.0
    # Proposals of fewer pixels are not looked at and score 0; 0 looks at all (an empty one becomes
    # the whole canvas).
    cfg.MODEL.SECOND_LOOK.MIN_PIXELS = 0
    # Shorter side (pixels) the image is resized to for the one-pass mode.
    cfg.MODEL.SECOND_LOOK.IMAGE_SIZE = 448
    # The prompts CLIP compares with, as MODEL.TEXT.TEMPLATES.
    cfg.MODEL.SECOND_LOOK.TEMPLATES = "clip_scoring"
    # "PublishedFusion" (ZegFormer's) or "RenormalizedFusion" (unit sum a region, void kept apart).
    cfg.MODEL.SECOND_LOOK.FUSION = "PublishedFusion"
    # Exponents of CLIP's opinion on seen and unseen classes; the rest is the model's. 1.0 is CLIP
    # alone, 0.0 none of it.
    cfg.MODEL.SECOND_LOOK.SEEN_WEIGHT = 1 / 3
    cfg.MODEL.SECOND_LOOK.UNSEEN_WEIGHT = 2 / 3
    # PublishedFusion: CLIP's opinion on a seen class is its mean over the seen classes.
    cfg.MODEL.SECOND_LOOK.AVERAGE_SEEN = True
    # Crops a forward pass of CLIP; bounds memory, changes nothing else.
    cfg.MODEL.SECOND_LOOK.BATCH = 64
    cfg.MODEL.SEEN_BIAS = CN()
    # Subtracted from the scores of seen classes ("gamma", calibrated stacking); 0 is off.
    cfg.MODEL.SEEN_BIAS.GAMMA = 0.0

    # ---- readout
    cfg.MODEL.READOUT = CN()
    # "RegionReadout" or "PixelReadout".
    cfg.MODEL.READOUT.NAME = "RegionReadout"
    # PixelReadout: "softmax" or "sigmoid" ...
    cfg.MODEL.READOUT.ACTIVATION = "softmax"
    # ... taken after resizing the logits to the "input" or to the "output" size.
    cfg.MODEL.READOUT.ACTIVATE_AT = "output"
    # RegionReadout: resize masks to the output size before painting, not the painted scores.
    cfg.MODEL.READOUT.PAINT_AT_OUTPUT = False

    # ---- criterion
    cfg.MODEL.CRITERION = CN()
    # "SetCriterion" or "PixelCrossEntropy".
    cfg.MODEL.CRITERION.NAME = "SetCriterion"
    # SetCriterion's mask loss: "focal" (MaskFormer) or "bce".
    cfg.MODEL.CRITERION.MASK_LOSS = "focal"
    # Weights of the losses; those of supervised layers are added up.
    cfg.MODEL.CRITERION.CLASS_WEIGHT = 1.0
    cfg.MODEL.CRITERION.MASK_WEIGHT = 20.0
    cfg.MODEL.CRITERION.DICE_WEIGHT = 1.0
    # Matching costs.
    cfg.MODEL.CRITERION.CLASS_COST = 1.0
    cfg.MODEL.CRITERION.MASK_COST = 20.0
    cfg.MODEL.CRITERION.DICE_COST = 1.0
    # Weight of the void class in the cross-entropy.
    cfg.MODEL.CRITERION.VOID_WEIGHT = 0.1
    # Rows and columns of the grid of cells on which masks (or pixels) are compared with the
    # labels; 0 compares at the full input.
    cfg.MODEL.CRITERION.LOSS_SIZE = 0

    # Parameters whose name matches one of these patterns (regular expressions, from the start) are
    # not trained.
    cfg.MODEL.FREEZE = []


def _engine(cfg: CN) -> None:
    # "AdamW" or "SGD".
    cfg.SOLVER.OPTIMIZER = "AdamW"
    # [pattern, factor] pairs: the first pattern found in a parameter's name scales its learning
    # rate.
    cfg.SOLVER.LR_MULTIPLIERS = [["backbone", 0.1]]
    # Weight decay of embeddings (queries, positions).
    cfg.SOLVER.WEIGHT_DECAY_EMBED = 0.0
    # WarmupPolyLR: (1 - iteration / MAX_ITER) to this power.
    cfg.SOLVER.POLY_LR_POWER = 0.9
    # The schedule ends at this share of the base rate ("WarmupPolyLR" and "WarmupCosineLR").
    cfg.SOLVER.LR_END = 0.0
    # Batches whose gradients are added up before a step.
    cfg.SOLVER.ACCUMULATE = 1
    # Several processes: look for parameters that a step did not use, for models that skip some.
    cfg.SOLVER.FIND_UNUSED_PARAMETERS = False
    # Decay of the exponential moving average of the weights that is evaluated and exported; 0 is
    # off.
    cfg.SOLVER.EMA_DECAY = 0.0
    # Checkpoints kept beside the best and the last.
    cfg.SOLVER.KEEP = 2
    # Iterations between two lines of the console and metrics.json.
    cfg.SOLVER.LOG_PERIOD = 20

    # The metric that decides which checkpoint is the best.
    cfg.TEST.BEST_METRIC = "hIoU"
    # Images predicted together.
    cfg.TEST.IMS_PER_BATCH = 1
    # Published protocols to report beside the standard metrics: "zegformer", "spnet", "zs3net".
    cfg.TEST.PROTOCOLS = []
    # Pictures (input, truth, prediction) written by an evaluation.
    cfg.TEST.PICTURES = 8
    # Classes whose full-size scores are held at a time.
    cfg.TEST.CLASS_CHUNK = 64
