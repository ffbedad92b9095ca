"""
What INPUT asks for: how images are augmented in training, and resized in prediction.

INPUT.PIPELINE names the order of the steps and the rules of resizing; sizes are INPUT's other keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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

    train: Callable[[CfgNode, int], Iterable[Augmentation]]
    test: Callable[[CfgNode], Resize]


def build_augmentations(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """The steps of training. Raises ValueError for an unknown INPUT.PIPELINE."""
    return tuple(_pipeline(cfg).train(cfg, ignore_label))


def build_test_resize(cfg: CfgNode) -> Resize:
    """How images are resized to be predicted. Raises ValueError for an unknown INPUT.PIPELINE."""
    return _pipeline(cfg).test(cfg)


def _pipeline(cfg: CfgNode) -> Pipeline:
    name = cfg.INPUT.PIPELINE
    if name not in PIPELINES:
        hint = did_you_mean(name, PIPELINES) or f" There are {', '.join(PIPELINES)}."
        raise ValueError(f"INPUT.PIPELINE is {name!r}, which is unknown.{hint}")
    return PIPELINES[name]


def _detectron2(cfg: CfgNode, ignore_label: int) -> Iterator[Augmentation]:
    """As Detectron2 and MaskFormer's mappers: resize, crop, colours, flip, pad with grey."""
    return _by_keys(cfg, ignore_label, IMAGE_FILL)


def _mmseg(cfg: CfgNode, ignore_label: int) -> Iterator[Augmentation]:
    """mmsegmentation's: the same by OpenCV's rules, padded with zeros once it is normalised."""
    return _by_keys(cfg, ignore_label, cfg.MODEL.PIXEL_MEAN, antialias=False)


def _mmseg_raw(cfg: CfgNode, ignore_label: int) -> Iterator[Augmentation]:
    """mmsegmentation's where the network itself normalises: padded with black."""
    return _by_keys(cfg, ignore_label, _BLACK, antialias=False)


def _by_keys(
    cfg: CfgNode, ignore_label: int, fill: int | Sequence[float], antialias: bool = True
) -> Iterator[Augmentation]:
    yield ResizeShortestEdge(
        cfg.INPUT.MIN_SIZE_TRAIN,
        cfg.INPUT.MAX_SIZE_TRAIN,
        cfg.INPUT.MIN_SIZE_TRAIN_SAMPLING,
        antialias,
    )
    if cfg.INPUT.CROP.ENABLED:
        area = cfg.INPUT.CROP.SINGLE_CATEGORY_MAX_AREA
        yield RandomCrop(cfg.INPUT.CROP.TYPE, cfg.INPUT.CROP.SIZE, area, ignore_label)
    if cfg.INPUT.COLOR_AUG_SSD:
        yield SSDColorJitter()
    yield RandomFlip(cfg.INPUT.RANDOM_FLIP)
    if cfg.INPUT.PAD_TO:
        yield PadTo(cfg.INPUT.PAD_TO, ignore_label, fill)


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
    """SAZS: INPUT.RANDOM_ROTATE, INPUT.RANDOM_SCALE, INPUT.CROP.SIZE."""
    crop, degrees, ratio = cfg.INPUT.CROP.SIZE, cfg.INPUT.RANDOM_ROTATE, cfg.INPUT.RANDOM_SCALE
    warps: list[Augmentation] = []
    if degrees:
        warps.append(RandomRotate(degrees, ignore_label))
    if ratio:
        warps.append(RandomScale(1 / ratio, ratio))
    return (
        *warps,
        PadTo(max(crop), ignore_label, _BLACK),
        RandomCrop("absolute", crop),
        RandomFlip("horizontal"),
    )


def _stretched(cfg: CfgNode, ignore_label: int) -> tuple[Augmentation, ...]:
    """LSeg: a square of INPUT.MIN_SIZE_TEST, and nothing else."""
    return (Stretch(cfg.INPUT.MIN_SIZE_TEST),)


def _shortest_edge(cfg: CfgNode) -> Resize:
    return ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST], cfg.INPUT.MAX_SIZE_TEST)


def _sampled_edge(cfg: CfgNode) -> Resize:
    return ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST], cfg.INPUT.MAX_SIZE_TEST, antialias=False)


def _square(cfg: CfgNode) -> Resize:
    return Warp(cfg.INPUT.MIN_SIZE_TEST)


def _stretch(cfg: CfgNode) -> Resize:
    return Stretch(cfg.INPUT.MIN_SIZE_TEST)


def _short_edge(cfg: CfgNode) -> Resize:
    return RandomShortEdge(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MIN_SIZE_TEST)


PIPELINES = {
    "detectron2": Pipeline(_detectron2, _shortest_edge),
    "mmseg": Pipeline(_mmseg, _sampled_edge),
    "mmseg_raw": Pipeline(_mmseg_raw, _sampled_edge),
    "spnet": Pipeline(_spnet, _square),
    "zs3net": Pipeline(_zs3net, _short_edge),
    "sazs": Pipeline(_sazs, _square),
    "lseg": Pipeline(_stretched, _stretch),
}
