"""What corrects scores."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    # Names in order of application: "SpectralPrior", "ClipSecondLook", "SeenBias".
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
    # Neither are those whose probability of being no class is larger.
    cfg.MODEL.SECOND_LOOK.MAX_VOID = 1.0
    # Proposals that overlap a better one by this IoU or more take over CLIP's opinion on it; above
    # 1 every one is looked at.
    cfg.MODEL.SECOND_LOOK.DUPLICATE_IOU = 2.0
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
    cfg.MODEL.SPECTRAL = CN()
    # What the graph of an image is made of: "colour", "backbone" (its map FEATURE), "clip"
    # (MODEL.CLIP's image tower), or a DINO ViT, "dino_vits16", "dino_vits8", "dino_vitb16" or
    # "dino_vitb8", whose weights are the file WEIGHTS.
    cfg.MODEL.SPECTRAL.FEATURES = "colour"
    cfg.MODEL.SPECTRAL.FEATURE = "res4"
    cfg.MODEL.SPECTRAL.WEIGHTS = ""
    # Pixels a cell of the graph; 0 for the grid of the features. It helps where it is finer than
    # the model's own cells. Graphs of features are dense: 10,000 cells are 400 MB and a second.
    cfg.MODEL.SPECTRAL.STRIDE = 4
    # Eigenvectors, without the constant one. Published masks: 5.
    cfg.MODEL.SPECTRAL.COUNT = 15
    # Weight of the affinity of colours beside that of features, and which it is: "knn", or "rw",
    # which joins neighbours of one colour only and falls apart where it stands alone.
    cfg.MODEL.SPECTRAL.COLOUR_WEIGHT = 1.0
    cfg.MODEL.SPECTRAL.COLOUR_AFFINITY = "knn"
    # "diffusion", "region_voting" or "best_overlap" (zs3/spectral/fusion.py), and how much of it,
    # 0..1; for "best_overlap" the least IoU.
    cfg.MODEL.SPECTRAL.FUSION = "diffusion"
    cfg.MODEL.SPECTRAL.STRENGTH = 0.6
    # How masks of cells become masks of an image, for the oracle and for files of masks: "nearest",
    # or "bilinear", which enlarges the eigenvectors before they are cut at 0.
    cfg.MODEL.SPECTRAL.ENLARGEMENT = "nearest"
    # Directory that keeps eigenvectors from run to run, unless they are the backbone's; "" keeps
    # none.
    cfg.MODEL.SPECTRAL.CACHE = ""
    cfg.MODEL.SEEN_BIAS = CN()
    # Subtracted from the scores of seen classes ("gamma", calibrated stacking); 0 is off.
    cfg.MODEL.SEEN_BIAS.GAMMA = 0.0
