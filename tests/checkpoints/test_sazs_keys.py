"""Whole published checkpoints of SAZS and LSeg, by their keys and shapes; nothing is allocated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zs3.checkpoints.families import family_of
from zs3.checkpoints.key_map import drop
from zs3.config import get_config
from zs3.engine.weights import Fit
from zs3.segmentor import ZeroShotSegmentor

CONFIGS = Path(__file__).parents[2] / "configs"
OFFLINE = ["MODEL.DEVICE", "cpu", "MODEL.CLIP.PRETRAINED", ""]
Shapes = dict[str, tuple[int, ...]]


def with_bias(shapes: Shapes) -> Shapes:
    """Every weight with a bias as long as its first axis; of transposed ones, as its second."""
    biases = {
        key.replace("weight", "bias"): (shape[:1] if len(shape) < 3 else shape[0:1])
        for key, shape in shapes.items()
    }
    return {**shapes, **biases}


def norm(name: str, width: int) -> Shapes:
    vectors = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{key}": (width,) for key in vectors}, f"{name}.num_batches_tracked": ()}


def dpt(decoder_width: int) -> Shapes:
    """ViT-L/16, its four maps, and the decoder."""
    dim, model, post = 1024, "pretrained.model.", "pretrained.act_postprocess"
    linear: Shapes = {
        f"{model}patch_embed.proj.weight": (dim, 3, 16, 16),
        f"{model}norm.weight": (dim,),
        f"{model}head.weight": (1000, dim),
        f"{post}1.4.weight": (256, 256, 4, 4),
        f"{post}2.4.weight": (512, 512, 2, 2),
        f"{post}4.4.weight": (1024, 1024, 3, 3),
    }
    for i in range(24):
        block = f"{model}blocks.{i}."
        linear |= {
            f"{block}norm1.weight": (dim,),
            f"{block}norm2.weight": (dim,),
            f"{block}attn.qkv.weight": (3 * dim, dim),
            f"{block}attn.proj.weight": (dim, dim),
            f"{block}mlp.fc1.weight": (4 * dim, dim),
            f"{block}mlp.fc2.weight": (dim, 4 * dim),
        }
    plain: Shapes = {f"{model}cls_token": (1, 1, dim), f"{model}pos_embed": (1, 577, dim)}
    width = decoder_width
    for i, channels in enumerate((256, 512, 1024, 1024), start=1):
        linear[f"{post}{i}.0.project.0.weight"] = (dim, 2 * dim)
        linear[f"{post}{i}.3.weight"] = (channels, dim, 1, 1)
        plain[f"scratch.layer{i}_rn.weight"] = (width, channels, 3, 3)
        linear[f"scratch.refinenet{i}.out_conv.weight"] = (width, width, 1, 1)
    return {**with_bias(linear), **plain, **fusion(width)}


def fusion(width: int) -> Shapes:
    shapes: Shapes = {}
    for i in range(1, 5):
        for unit in (f"scratch.refinenet{i}.resConfUnit{j}" for j in (1, 2)):
            for k in (1, 2):
                shapes[f"{unit}.conv{k}.weight"] = (width, width, 3, 3)
                shapes |= norm(f"{unit}.bn{k}", width)
    return shapes


def drn() -> Shapes:
    """DRN-D-105 and the head."""
    shapes: Shapes = {"fc2.weight": (2, 512, 1, 1), "up.weight": (2, 1, 16, 16)}
    plain = {0: (3, 16, 7), 1: (16, 16, 3), 2: (16, 32, 3), 7: (2048, 512, 3), 8: (512, 512, 3)}
    for level, (before, after, kernel) in plain.items():
        shapes[f"base.{level}.0.weight"] = (after, before, kernel, kernel)
        shapes |= norm(f"base.{level}.1", after)
    before = 32
    for level, count, width in ((3, 3, 64), (4, 4, 128), (5, 23, 256), (6, 3, 512)):
        for i in range(count):
            block = f"base.{level}.{i}."
            shapes[f"{block}conv1.weight"] = (width, before, 1, 1)
            shapes[f"{block}conv2.weight"] = (width, width, 3, 3)
            shapes[f"{block}conv3.weight"] = (4 * width, width, 1, 1)
            for j, own in enumerate((width, width, 4 * width), start=1):
                shapes |= norm(f"{block}bn{j}", own)
            if i == 0:
                shapes[f"{block}downsample.0.weight"] = (4 * width, before, 1, 1)
                shapes |= norm(f"{block}downsample.1", 4 * width)
            before = 4 * width
    for scale in (1, 2, 3, 6):
        shapes[f"pool{scale}_conv.weight"] = (512, 512, 1, 1)
        shapes |= norm(f"pool{scale}_bn", 512)
    shapes["fc1.weight"] = (512, 2560, 3, 3)
    return {**shapes, **norm("fc1_bn", 512)}


EDGES = {"edgeocr_cls_head.weight": (1, 512, 1, 1), "edgeocr_cls_head.bias": (1,)}


def fit(config: str, shapes: Shapes) -> tuple[str, Fit]:
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in shapes.items()}
        model = ZeroShotSegmentor(get_config(CONFIGS / config, OFFLINE))
    model.text.encoder.restored_from_source = True
    family = family_of(state)
    assert family is not None
    kept, _ = drop(state, family.dropped)
    return family.name, Fit.of(model, family.convert(kept))


@pytest.mark.parametrize(
    ("config", "tensors", "millions"), [("vit", 428, 379.3), ("drn", 682, 67.3)]
)
def test_sazs(config, tensors, millions):
    shapes = {**(dpt(512) if config == "vit" else drn()), **EDGES}
    numbers = sum(torch.Size(shape).numel() for shape in shapes.values())
    assert len(shapes) == tensors and round(numbers / 1e6, 1) == millions
    name, found = fit(f"sazs/coco_{config}_fold0.yaml", shapes)
    assert name == "SAZS" and found.problems == []


def test_lseg():
    shapes = {**dpt(256), "scratch.head1.weight": (512, 256, 1, 1), "scratch.head1.bias": (512,)}
    shapes |= {"clip_pretrained.visual.proj": (768, 512), "clip_pretrained.logit_scale": ()}
    name, found = fit(
        "lseg/pascal_vit_fold0.yaml", {f"net.{key}": shape for key, shape in shapes.items()}
    )
    assert name == "LSeg" and list(found.elsewhere) == ["text.encoder.model.logit_scale"]
    assert found.problems == []


def test_lseg_with_a_resnet():
    with torch.device("meta"):
        model = ZeroShotSegmentor(get_config(CONFIGS / "lseg/coco_rn101_fold1.yaml", OFFLINE))
    ours = {key: value.shape for key, value in model.backbone.state_dict().items()}
    import torchvision

    with torch.device("meta"):
        published = torchvision.models.resnet101().state_dict()
    moved = {}
    for key, value in published.items():
        part, _, rest = key.partition(".")
        place = {"conv1": "layer1.0.", "bn1": "layer1.1.", "layer1": "layer1.4."}.get(part)
        if part != "fc":
            moved[f"net.pretrained.{place or f'{part}.'}{rest}"] = value
    family = family_of(moved)
    state = family.convert(moved)
    assert {k.removeprefix("backbone."): v.shape for k, v in state.items()} == ours


@pytest.mark.parametrize("folder", ["sazs", "lseg"])
def test_every_published_configuration_can_be_read(folder):
    files = [file for file in (CONFIGS / folder).glob("*_fold*.yaml")]
    assert len(files) == 16
    for file in files:
        cfg = get_config(file)
        assert cfg.DATASETS.TRAIN and cfg.SOLVER.MAX_ITER % cfg.SOLVER.LR_PERIOD == 0
