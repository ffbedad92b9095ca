"""
The last steps of published models, from the scores that their networks give: SPNet's highest of
three scales with its calibration, and CaGNet's labels on the feature grid.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import case_paths, check, load_case
from torch import Tensor

from zs3.evaluation.sizes import at_size
from zs3.images import ImageBatch
from zs3.readout import PixelReadout
from zs3.refinement import SeenBias
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import Vocabulary


def of_kind(kind: str) -> list[object]:
    paths = case_paths("cagnet")
    return [
        pytest.param(path, id=path.stem)
        for path in paths
        if json.loads(path.read_text())["kind"] == kind
    ]


def scene_of(image: Tensor, grids: list[Tensor], num_seen: int) -> Scene:
    """A batch of one image and the groupings that maps (1, K, h, w) are about."""
    regions = [Regions.of_pixels(grid) for grid in grids]
    names = [f"class {k}" for k in range(grids[0].shape[1])]
    vocabulary = Vocabulary.of(names, unseen=names[num_seen:])
    images = ImageBatch(tuple(image), size_divisibility=0)
    is_seen = torch.tensor([vocabulary.is_seen])
    return Scene(images, {}, regions[-1], (vocabulary,), is_seen, tuple(regions[:-1]))


def rows(maps: Tensor) -> Tensor:
    """(B, K, h, w) as a naming gives it: (B, N, K)."""
    return maps.flatten(2).transpose(1, 2)


@pytest.mark.parametrize("path", of_kind("spnet_infer"))
def test_three_scales(path: Path) -> None:
    case = load_case(path)
    outputs, size = case.outputs, tuple(case.inputs["image"].shape[-2:])
    resized = [f"logits_{scale * 100:g}" for scale in case.meta["msc"] if scale != 1]
    scales = [outputs[name] for name in (*resized, "logits_100")]
    scene = scene_of(case.inputs["image"], scales, case.meta["n_seen"])
    got = {}
    for kind, pred, gamma in (
        ("prob", "pred", 0.0),
        ("calibrated", "pred_calibrated", case.meta["gamma"]),
    ):
        readout = PixelReadout(merge="max", bias=SeenBias(gamma=gamma))
        prepared = readout.prepare(scene, [rows(scale) for scale in scales])
        got["logits_msc_max"] = prepared.scores
        maps = readout.read(prepared, 0, size)
        got[f"{kind}_stride7"] = maps.scores()[None, :, ::7, ::7]
        got[f"{pred}_stride3"] = maps.labels(chunk=4)[None, ::3, ::3]
    check(case, got)


@pytest.mark.parametrize("path", of_kind("cagnet_test_pipeline"))
def test_labels_on_the_feature_grid(path: Path) -> None:
    case = load_case(path)
    scores, truth = case.outputs["cls_score"], case.inputs["gt"].numpy()
    scene = scene_of(case.inputs["image"], [scores], scores.shape[1])
    readout = PixelReadout()
    prepared = readout.prepare(scene, [rows(scores)])
    labels = [readout.read_grid(prepared, image).labels(chunk=4) for image in range(len(scores))]
    resized = np.stack([at_size(label, scores.shape[-2:]) for label in truth])
    check(case, {"pred": torch.stack(labels), "gt_resized": torch.from_numpy(resized)})
