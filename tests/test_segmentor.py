"""The spine with small made-up parts: what goes in, what is refused, what the labels mean."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from zs3.backbone import build_backbone
from zs3.config import get_config
from zs3.criterion import PixelCrossEntropy
from zs3.grouping import build_grouping
from zs3.naming import Projection, build_naming
from zs3.readout import PixelReadout
from zs3.regions import Regions
from zs3.segmentor import ZeroShotSegmentor
from zs3.text import TextBank
from zs3.text.encoder import TextEncoder
from zs3.vocabulary import Vocabulary

COLOURS = {"red": 0, "green": 1, "blue": 2}
RGB = Vocabulary.of(list(COLOURS), unseen=["blue"])


class ColourWords(TextEncoder):
    """A word is the unit vector of its colour."""

    dim = 3
    fingerprint = "colours"

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.eye(3), persistent=False)

    def forward(self, prompts):
        return self.table[[COLOURS[prompt] for prompt in prompts]]


class Identity(nn.Module):
    def forward(self, images):
        return {"pixels": images}


class Grid(nn.Module):
    def forward(self, features):
        return [Regions.of_pixels(features["pixels"])]


def segmentor(**changes) -> ZeroShotSegmentor:
    parts = {
        "backbone": Identity(),
        "grouping": Grid(),
        "naming": Projection(in_dim=3, dim=3, layers=0),
        "text": TextBank(ColourWords(), templates="{}"),
        "readout": PixelReadout(),
        "criterion": PixelCrossEntropy(),
        "pixel_mean": (0, 0, 0),
        "pixel_std": (255, 255, 255),
        "size_divisibility": 4,
    }
    return ZeroShotSegmentor(**{**parts, **changes})


def image(*rows: str) -> torch.Tensor:
    """ "rgb" -> a red, a green and a blue pixel."""
    pixels = [["rgb".index(letter) for letter in row] for row in rows]
    return torch.eye(3)[torch.tensor(pixels)].permute(2, 0, 1) * 255


def test_labels_follow_the_order_of_the_names_asked_for():
    model = segmentor().eval()
    picture = image("rgb", "bbr")
    for names in (["red", "green", "blue"], ["blue", "red", "green"]):
        vocabulary = Vocabulary.of(names)
        (output,) = model.labels([{"image": picture, "vocabulary": vocabulary}])
        expected = [
            [names.index(n) for n in row]
            for row in (("red", "green", "blue"), ("blue", "blue", "red"))
        ]
        assert output["labels"].tolist() == expected


def test_the_output_has_the_size_that_is_asked_for():
    model = segmentor(vocabulary=RGB).eval()
    (output,) = model([{"image": image("rg", "bb"), "height": 6, "width": 10}])
    assert output["sem_seg"].shape == (3, 6, 10)


def test_images_of_different_sizes_in_a_batch_equal_one_by_one():
    model = segmentor(vocabulary=RGB).eval()
    inputs = [{"image": image("rgbr", "bbrg")}, {"image": image("rg", "gb", "bb")}]
    together = model(inputs)
    for single, output in zip(inputs, together, strict=True):
        torch.testing.assert_close(model([single])[0]["sem_seg"], output["sem_seg"])


def test_unseen_labels_are_ignored_in_training():
    model = segmentor().train()
    sample = {"image": image("rgb", "bbr"), "vocabulary": RGB}
    labels = torch.tensor([[0, 1, 2], [2, 2, 0]])
    loss = model([{**sample, "sem_seg": labels}])["loss_ce"]
    ignored = torch.tensor([[0, 1, 255], [255, 255, 0]])
    assert loss == model([{**sample, "sem_seg": ignored}])["loss_ce"]
    # Only red and green compete, one against the other: -log(e / (e + 1)).
    torch.testing.assert_close(loss, torch.tensor(0.31326), atol=1e-4, rtol=0)


def test_a_model_without_criterion_or_names_says_so():
    with pytest.raises(ValueError, match=r"no criterion.*MODEL\.CRITERION\.NAME"):
        segmentor(criterion=None).train()([{"image": image("r")}])
    with pytest.raises(ValueError, match=r"no names to segment.*Vocabulary\.of"):
        segmentor().eval()([{"image": image("r")}])


def test_a_training_batch_has_one_vocabulary():
    sample = {"image": image("rg"), "sem_seg": torch.zeros(1, 2).long()}
    batch = [{**sample, "vocabulary": v} for v in (RGB, Vocabulary.of(["red"]))]
    with pytest.raises(ValueError, match="different vocabularies"):
        segmentor().train()(batch)


def test_bgr_is_refused():
    with pytest.raises(ValueError, match=r"INPUT\.FORMAT is 'BGR'; images are RGB"):
        ZeroShotSegmentor(get_config(opts=["INPUT.FORMAT", "BGR"]))


def test_published_sizes_build_without_memory():
    """R-50 and R-101 of the paper, on the meta device: 41.4 M and 60.3 M parameters, no CLIP."""
    configs = Path(__file__).parents[1] / "configs" / "zegformer"
    for name, millions in (("r50", 41.4), ("r101", 60.3)):
        cfg = get_config(configs / f"{name}.yaml", ["MODEL.DEVICE", "cpu"])
        with torch.device("meta"):
            parts = published_parts(cfg)
        numbers = sum(p.numel() for part in parts for p in part.parameters())
        assert numbers / 1e6 == pytest.approx(millions, abs=0.1)


def published_parts(cfg) -> list[nn.Module]:
    backbone = build_backbone(cfg)
    grouping = build_grouping(cfg, backbone.output_shape())
    return [backbone, grouping, build_naming(cfg, grouping.embedding_dim, 512)]
