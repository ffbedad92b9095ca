"""Data, and how images become samples."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    # What is done with an image, and by whose rules of resizing (zs3/data/pipelines.py):
    # "detectron2", "mmseg" (ZegCLIP's, Cascade-CLIP's) and "mmseg_raw" (CAT-Seg's port: black
    # borders) follow the keys of INPUT; "spnet" (CaGNet's, too), "zs3net", "sazs" and "lseg" are
    # those of published code, and read sizes only, "sazs" the next two keys as well.
    cfg.INPUT.PIPELINE = "detectron2"
    # Images turn by up to so many degrees, whole ones; 0 is off.
    cfg.INPUT.RANDOM_ROTATE = 10
    # Images are scaled by 1 / so much to so much; 0 is off.
    cfg.INPUT.RANDOM_SCALE = 2.0
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
    # Of episodes: every sample of training is drawn, first its class, then one of the images that
    # ask for it, all alike; else an epoch goes through all of them, in random order.
    cfg.DATALOADER.BY_CLASS = False
