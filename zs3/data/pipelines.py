"""
What INPUT asks for: how images are augmented in training, and resized in prediction.

INPUT.PIPELINE names the order of the steps and the rules of resizing; sizes are INPUT's other keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..nearest import did_you_mean
from ..runtime.config import CfgNode
from .augmentation import (
    IMAGE_FILL,
    Augmentation,
    PadTo,
    RandomCrop,
    RandomFlip,
    Resize,
    ResizeShortestEdge,
    SSDColorJitter,
    Stretch,
)
from .pillow_augmentation import RandomBlur, RandomRotate, RandomScale, RandomShortEdge
from .warping import PadCentred, RandomRescale, Warp

_BLACK = 0


@dataclass(frozen=True)
class Pipeline:
    """
    Attributes:
        train: (configuration, ignore label of the dataset) -> steps.
        test: configuration -> how images are resized.
    """

    train: Callable[[CfgNode, int], tuple[Augmentation, ...]]
    test: Callable[[CfgNode], Resize]


def build_augmentations(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """The steps of training. Raises ValueError for an unknown INPUT.PIPELINE."""
    return _pipeline(cfg).train(cfg, ignore_label)


def build_test_resize(cfg: CfgNode) -> Resize:
    """How images are resized to be predicted. Raises ValueError for an unknown INPUT.PIPELINE."""
    return _pipeline(cfg).test(cfg)


def _pipeline(cfg: CfgNode) -> Pipeline:
    name = cfg.INPUT.PIPELINE
    if name not in PIPELINES:
        hint = did_you_mean(name, PIPELINES) or f" There are {', '.join(PIPELINES)}."
        raise ValueError(f"INPUT.PIPELINE is {name!r}, which is unknown.{hint}")
    return PIPELINES[name]


def _detectron2(
    cfg: CfgNode, ignore_label: int, border: int = IMAGE_FILL
) -> tuple[Augmentation, ...]:
    """As Detectron2 and MaskFormer's mappers: resize, crop, colours, flip, pad."""
    chosen: list[Augmentation] = [
        ResizeShortestEdge(
            cfg.INPUT.MIN_SIZE_TRAIN, cfg.INPUT.MAX_SIZE_TRAIN, cfg.INPUT.MIN_SIZE_TRAIN_SAMPLING
        )
    ]
    if cfg.INPUT.CROP.ENABLED:
        area = cfg.INPUT.CROP.SINGLE_CATEGORY_MAX_AREA
        chosen.append(RandomCrop(cfg.INPUT.CROP.TYPE, cfg.INPUT.CROP.SIZE, area, ignore_label))
    if cfg.INPUT.COLOR_AUG_SSD:
        chosen.append(SSDColorJitter())
    chosen.append(RandomFlip(cfg.INPUT.RANDOM_FLIP))
    if cfg.INPUT.PAD_TO:
        chosen.append(PadTo(cfg.INPUT.PAD_TO, ignore_label, border))
    return tuple(chosen)


def _mmseg(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """mmsegmentation's, where the network itself normalises (CAT-Seg's port): a black border."""
    return _detectron2(cfg, ignore_label, _BLACK)


def _spnet(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """SPNet and CaGNet: a square of INPUT.MIN_SIZE_TEST, scaled by 0.5 to 1.5; INPUT.CROP.SIZE."""
    base, crop = cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.CROP.SIZE
    return (
        Warp(base),
        RandomRescale(0.5, 1.5),
        PadCentred(max(base, *crop), cfg.MODEL.PIXEL_MEAN, ignore_label),
        RandomCrop("absolute", crop),
        RandomFlip("horizontal"),
    )


def _zs3net(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """ZS3Net: short edges of half to twice INPUT.MIN_SIZE_TRAIN; INPUT.CROP.SIZE; blur."""
    base, crop = cfg.INPUT.MIN_SIZE_TRAIN[0], cfg.INPUT.CROP.SIZE
    return (
        RandomFlip("horizontal"),
        RandomShortEdge(base // 2, 2 * base),
        PadTo(max(crop), ignore_label, _BLACK),
        RandomCrop("absolute", crop),
        RandomBlur(1.0),
    )


def _sazs(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """SAZS: turned by up to 10 degrees, scaled by 0.5 to 2; INPUT.CROP.SIZE."""
    crop = cfg.INPUT.CROP.SIZE
    return (
        RandomRotate(10, ignore_label),
        RandomScale(0.5, 2.0),
        PadTo(max(crop), ignore_label, _BLACK),
        RandomCrop("absolute", crop),
        RandomFlip("horizontal"),
    )


def _stretched(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """LSeg: a square of INPUT.MIN_SIZE_TEST, and nothing else."""
    return (Stretch(cfg.INPUT.MIN_SIZE_TEST),)


def _shortest_edge(cfg: CfgNode) -> Resize:
    return ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST], cfg.INPUT.MAX_SIZE_TEST)


def _square(cfg: CfgNode) -> Resize:
    return Warp(cfg.INPUT.MIN_SIZE_TEST)


def _stretch(cfg: CfgNode) -> Resize:
    return Stretch(cfg.INPUT.MIN_SIZE_TEST)


def _short_edge(cfg: CfgNode) -> Resize:
    return RandomShortEdge(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MIN_SIZE_TEST)


PIPELINES = {
    "detectron2": Pipeline(_detectron2, _shortest_edge),
    "mmseg": Pipeline(_mmseg, _shortest_edge),
    "spnet": Pipeline(_spnet, _square),
    "zs3net": Pipeline(_zs3net, _short_edge),
    "sazs": Pipeline(_sazs, _square),
    "lseg": Pipeline(_stretched, _stretch),
}
