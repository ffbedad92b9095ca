"""Golden checks of published ways to resize and augment images and label maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from golden import Case, check_all
from torch import Tensor

from zs3.config import get_config
from zs3.data.augmentation import Augmentation, PadTo, Pair, ResizeShortestEdge, shortest_edge_size
from zs3.data.pillow_augmentation import RandomRotate, RandomScale, RandomShortEdge, mirrored
from zs3.data.pipelines import build_augmentations, build_test_resize
from zs3.data.warping import Warp, source_rows
from zs3.images import ImageBatch

IGNORE = 255
Draw = Callable[[float, float], float]


class Scripted:
    """A generator of random numbers that gives those of a case; each may depend on its range."""

    def __init__(self, draws: Sequence[float | Draw]) -> None:
        self.draws = iter(draws)

    def _next(self, low: float, high: float) -> float:
        draw = next(self.draws)
        return draw(low, high) if callable(draw) else draw

    def random(self) -> float:
        return self._next(0, 1)

    def uniform(self, low: float, high: float) -> float:
        return self._next(low, high)

    def integers(self, low: int, high: int | None = None) -> int:
        low, high = (0, low) if high is None else (low, high)
        return int(np.clip(self._next(low, high - 1), low, high - 1))


def augmented(steps: Sequence[Augmentation], pair: Pair, draws: Sequence[float | Draw]) -> Pair:
    rng: Any = Scripted(draws)  # Any: in the place of numpy's Generator
    for step in steps:
        pair = step(*pair, rng)
    assert next(rng.draws, None) is None, "not every draw was asked for"
    return pair


def settings(pipeline: str, **values: object) -> Any:  # Any: CfgNode
    options: list[object] = ["INPUT.PIPELINE", pipeline]
    for key, value in values.items():
        options += [f"INPUT.{key.replace('__', '.')}", repr(value)]
    return get_config(None, [str(option) for option in options])


def chw(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()


def data_transform(case: Case) -> None:
    """SPNet's. Its images are BGR, and without their mean from the start, which is the same."""
    meta, mean = case.meta, torch.tensor(case.meta["mean_bgr"]).view(3, 1, 1)
    base, crop = meta["base_size"], meta["crop_size"]
    cfg = settings("spnet", MIN_SIZE_TEST=base, CROP__SIZE=[crop, crop])
    cfg.defrost()
    cfg.MODEL.PIXEL_MEAN = meta["mean_bgr"]
    image = case.inputs["image"].numpy().astype(np.uint8)
    label = case.inputs["label"].numpy()
    factor, top, left, flip = case.inputs["draws"].tolist()
    starts: list[int] = []

    def start(share: float) -> Draw:
        def draw(low: float, high: float) -> float:
            starts.append(round(share * high))
            return starts[-1]

        return draw

    draws = (factor, start(top), start(left), flip)
    train_image, train_label = augmented(build_augmentations(cfg, IGNORE), (image, label), draws)
    table = np.full(256, IGNORE)
    table[meta["visible_class_ids"]] = np.arange(len(meta["visible_class_ids"]))
    test_label = Warp(base)(image, label, np.random.default_rng(0))[1]
    got = {
        "train_image": chw(train_image) - mean,
        "train_label": torch.from_numpy(table[train_label]),
        "test_image": chw(build_test_resize(cfg).image(image)) - mean,
        "test_label": torch.from_numpy(test_label),
    }
    strided = {}
    for name in case.outputs:
        what, _, stride = name.partition("_stride")
        if what in got:
            strided[name] = got[what][..., :: int(stride or 1), :: int(stride or 1)]
    check_all(case, {**strided, "crop_start_hw": torch.tensor(starts)})


def resize_target(case: Case) -> None:
    labels, got = case.inputs["gt"], {}
    for name in case.outputs:
        side = int(name.rpartition("_")[2])
        rows, columns = (torch.from_numpy(source_rows(n, side)) for n in labels.shape[-2:])
        got[name] = labels[..., rows[:, None], columns]
    check_all(case, got)


def zs3_transforms(case: Case) -> None:
    crop, base = case.meta["crop_size"], case.meta["base_size"]
    pair = (case.inputs["image"].numpy().astype(np.uint8), case.inputs["label"].numpy())
    flip, side, left, top, is_blurred, radius = case.inputs["draws"].tolist()
    draws = [flip, side, top, left, is_blurred, *([radius] if is_blurred < 0.5 else [])]
    cfg = settings("zs3net", MIN_SIZE_TRAIN=(base,), CROP__SIZE=[crop, crop])
    train = augmented(build_augmentations(cfg, IGNORE), pair, draws)
    val = augmented([RandomShortEdge(crop, crop)], pair, [crop])
    got = {}
    for part, (image, label) in (("train", train), ("val", val)):
        batch = ImageBatch((chw(image) / 255,))
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        got[f"{part}_image"] = batch.normalised(mean.view(3, 1, 1), std.view(3, 1, 1))[0]
        got[f"{part}_label"] = torch.from_numpy(label).float()
    check_all(case, got)


def augment(case: Case) -> None:
    """SAZS's steps, one by one; the crop is taken from the enlarged image."""
    hyper, got = case.meta["hyper"], {}
    image, label = case.inputs["image"].numpy(), case.inputs["label"].numpy().astype(np.int64)
    made: dict[str, Pair] = {}
    for name in ("a", "b"):
        angle = hyper[f"rotate_{name}_angle"]
        step = RandomRotate(abs(angle), IGNORE)
        made[f"rotate_{name}"] = augmented([step], (image, label), [angle])
    for name in ("down", "up"):
        ratio = hyper[f"scale_{name}_ratio"]
        made[f"scale_{name}"] = augmented([RandomScale(0, 2)], (image, label), [ratio])
    pad = hyper["pad_reflect"]
    rows = mirrored(image.shape[0], pad["top"], pad["bottom"])
    columns = mirrored(image.shape[1], pad["left"], pad["right"])
    got["pad_reflect"] = torch.from_numpy(image[np.ix_(rows, columns)])
    made["padcrop"] = augmented([PadTo(hyper["padcrop"], IGNORE, 0)], (image, label), [])
    left, top = hyper["crop_xy"]
    window = np.s_[top : top + hyper["crop"], left : left + hyper["crop"]]
    enlarged = made["scale_up"]
    made["crop"] = (enlarged[0][window], enlarged[1][window])
    for name, (image_, label_) in made.items():
        got[f"{name}_image"] = torch.from_numpy(image_.copy())
        got[f"{name}_label"] = torch.from_numpy(label_.copy())
    check_all(case, got)


def cascade_preprocess_test(case: Case) -> None:
    """The shorter side exactly as configured, however long the other becomes."""
    config, unbounded = case.meta["config"], 10**6
    for height, width, *expected in case.meta["resize_table_min_size_512"]:
        assert list(shortest_edge_size(height, width, 512, unbounded)) == expected
    image = case.inputs["image_bgr"].numpy().astype(np.uint8)
    resized = ResizeShortestEdge([config["min_size"]], unbounded, antialias=False).image(image)
    channels = resized[..., ::-1] if config["to_rgb"] else resized
    mean, std = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    normalised = ImageBatch((chw(channels),)).normalised(mean, std)[0]
    check_all(case, {"resized_bgr": torch.from_numpy(resized).float(), "normalised": normalised})


KINDS: dict[str, Callable[[Case], None]] = {
    "augment": augment,
    "cascade_preprocess_test": cascade_preprocess_test,
    "data_transform": data_transform,
    "resize_target": resize_target,
    "zs3_transforms": zs3_transforms,
}
