"""
Whole published checkpoints, by their lists of keys and shapes, against models built from YAML.

Nothing is allocated: states and models are on the "meta" device.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from zs3.checkpoints.families import family_of
from zs3.checkpoints.resnet import convert
from zs3.config import get_config
from zs3.engine.weights import Fit
from zs3.segmentor import ZeroShotSegmentor

DATA = Path(os.environ.get("ZS3_DATA", "")) / "zegformer"
CONFIGS = Path(__file__).parents[2] / "configs" / "zegformer"
# The sizes of the CLIP without its weights, which would have to be fetched.
BASE = ["MODEL.DEVICE", "cpu", "MODEL.CLIP.PRETRAINED", ""]
MASKFORMER = ["MODEL.NAMING.NAME", "Linear", "MODEL.NAMING.NUM_CLASSES", "150"]
Shapes = dict[str, list[int]]

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the published key lists: set ZS3_DATA to their directory"
)


def key_list(name: str) -> Any:  # Any: JSON
    return json.loads((DATA / f"{name}.json").read_text())


def backbone(depth: int) -> Shapes:
    return {row["key"]: row["shape"] for row in key_list("backbone_key_map")[f"resnet{depth}"]}


def maskformer(part: str) -> Shapes:
    """Keys without prefix of "TransformerEncoderPixelDecoder" or "TransformerPredictor"."""
    lists = key_list("checkpoint_keys_maskformer")
    return next(shapes for title, shapes in lists.items() if title.startswith(part))


def fit(depth: int, options: list[str], shapes: Shapes, clip_in_file: bool = False) -> Fit:
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in shapes.items()}
        model = ZeroShotSegmentor(get_config(CONFIGS / f"r{depth}.yaml", [*BASE, *options]))
    model.text.encoder.restored_from_source = not clip_in_file
    family = family_of(state)
    assert family is not None
    return Fit.of(model, family.convert(state))


@pytest.mark.parametrize(
    ("name", "depth", "tensors"),
    [
        ("zegformer_R50_coco_train", 50, 412),
        ("zegformer_R101_coco_train", 101, 667),
        ("zegformer_R101_coco_gzss_eval", 101, 969),
    ],
)
def test_zegformer(name: str, depth: int, tensors: int) -> None:
    shapes = {**backbone(depth), **key_list("checkpoint_keys_zegformer")[name]}
    assert len(shapes) == tensors

    found = fit(depth, [], shapes, clip_in_file="eval" in name)

    assert found.problems == []
    assert len(found.matched) == tensors - 1  # the weights of the loss are dropped


def test_a_clip_that_comes_from_elsewhere_is_not_taken_from_the_file() -> None:
    name = "zegformer_R101_coco_gzss_eval"
    shapes = {**backbone(101), **key_list("checkpoint_keys_zegformer")[name]}
    found = fit(101, [], shapes)
    assert found.problems == [] and len(found.elsewhere) == 302


@pytest.mark.parametrize("decoder", ["FPN", "TransformerEncoderFPN"])
@pytest.mark.parametrize("first_version", [False, True])
def test_maskformer(decoder: str, first_version: bool) -> None:
    prefix = "sem_seg_head.pixel_decoder."
    if decoder == "FPN":
        zegformer = key_list("checkpoint_keys_zegformer")["zegformer_R50_coco_train"]
        pixels = {key: shape for key, shape in zegformer.items() if key.startswith(prefix)}
    else:
        pixels = {
            prefix + k: shape for k, shape in maskformer("TransformerEncoderPixelDecoder").items()
        }
    if first_version:
        pixels = {key.replace("pixel_decoder.", ""): shape for key, shape in pixels.items()}
    queries = {
        f"sem_seg_head.predictor.{key}": shape
        for key, shape in maskformer("TransformerPredictor").items()
    }
    shapes = {**backbone(50), **pixels, **queries}

    found = fit(50, [*MASKFORMER, "MODEL.PIXEL_DECODER.NAME", decoder], shapes)

    assert found.problems == [] and len(found.matched) == len(shapes)


def test_mask2former() -> None:
    heads = {
        row["key"]: row["shape"] for row in key_list("checkpoint_keys_mask2former")["head_keys"]
    }
    decoders = ["MODEL.PIXEL_DECODER.NAME", "MSDeformAttnPixelDecoder"]
    decoders += ["MODEL.QUERY_DECODER.NAME", "MaskedDecoder", "MODEL.QUERY_DECODER.DEC_LAYERS", "9"]

    found = fit(50, [*MASKFORMER, *decoders], {**backbone(50), **heads})

    assert found.problems == [] and len(found.matched) == 557
    assert len(heads) == 293  # one of them, the weights of the loss, is dropped


@pytest.mark.parametrize("depth", [50, 101])
def test_imagenet_backbones(depth: int) -> None:
    """Every accepted spelling of Caffe2's, and torchvision's."""
    for row in key_list("backbone_key_map")[f"resnet{depth}"]:
        ours = row["key"].removeprefix("backbone.")
        for theirs in (*row["caffe2"], row["torchvision"]):
            assert list(convert({theirs: torch.empty(0)})) == [ours]
