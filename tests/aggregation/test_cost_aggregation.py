"""Cost aggregation as a whole: slices, images, kept classes, gradients, configuration, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zs3.aggregation import CostAggregation, build_aggregation, each_alone
from zs3.aggregation.classes import ClassAggregation
from zs3.aggregation.decoder import UpsamplingDecoder
from zs3.aggregation.guidance import GuidanceMap
from zs3.aggregation.layer import AggregationLayer
from zs3.aggregation.spatial import SpatialAggregation
from zs3.config import get_config
from zs3.naming import CostVolume, TextClassifier
from zs3.regions import Regions
from zs3.runtime.layers import ShapeSpec

B, K, P, D, C = 2, 5, 3, 6, 8
GRID = (4, 6)


def aggregation(**options) -> CostAggregation:
    torch.manual_seed(0)
    layers = [
        AggregationLayer(
            spatial=SpatialAggregation(C, 4, 2, window=2),
            classes=ClassAggregation(C, 3, 2, pool=(2, 2), pad_to=7),
        )
        for _ in range(2)
    ]
    return CostAggregation(
        templates=P,
        dim=C,
        layers=layers,
        decoder=UpsamplingDecoder(C, [16, 16], [4, 2]),
        appearance=GuidanceMap(feature="clip", in_channels=D, dim=4),
        decoder_guidance=[
            GuidanceMap(feature="clip", in_channels=D, dim=4, scale=2, scaled_dim=5),
            GuidanceMap(feature="fine", in_channels=2, dim=2),
        ],
        text_guidance=nn.Sequential(nn.Linear(D, 3), nn.ReLU()),
        **options,
    )


@pytest.fixture
def features() -> dict[str, Tensor]:
    return {"clip": torch.randn(B, D, *GRID), "fine": torch.randn(B, 2, 16, 24)}


@pytest.fixture
def text() -> Tensor:
    return torch.nn.functional.normalize(torch.randn(K, P, D), dim=-1)


def maps(model: CostAggregation, features: dict[str, Tensor], text: Tensor) -> Tensor:
    regions = Regions.of_pixels(features["clip"])
    (finer,), (logits,) = model(features, [regions], text, CostVolume(in_dim=D, dim=D))
    return finer.paint(logits)


@pytest.mark.parametrize("chunk", [1, 2, 4])
@torch.no_grad()
def test_slices_of_classes_change_nothing(features, text, chunk: int) -> None:
    expected = maps(aggregation(chunk=99), features, text)
    assert expected.shape == (B, K, 16, 24)
    torch.testing.assert_close(maps(aggregation(chunk=chunk), features, text), expected)


@pytest.mark.parametrize("chunk", [2, 99])
@torch.no_grad()
def test_images_do_not_meet(features, text, chunk: int) -> None:
    model = aggregation(chunk=chunk)
    together = maps(model, features, text)
    alone = [maps(model, {k: v[i : i + 1] for k, v in features.items()}, text) for i in range(B)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("chunk", [2, 99])
@torch.no_grad()
def test_images_meet_in_the_ports_way(features, text, chunk: int) -> None:
    """Class k of image b is guided by image (b K + k) mod B."""
    model = aggregation(chunk=chunk, mix_images=True)
    single = {name: value[:1] for name, value in features.items()}
    torch.testing.assert_close(maps(model, single, text), maps(aggregation(), single, text))
    assert not torch.allclose(maps(model, features, text)[:1], maps(model, single, text))
    guided_by_first = {**features, "fine": features["fine"][[0, 0]]}
    got, other = maps(model, features, text), maps(model, guided_by_first, text)
    unmoved = [k for k in range(K) if torch.allclose(got[0, k], other[0, k], atol=1e-6)]
    assert unmoved == [0, 2, 4]


@torch.no_grad()
def test_every_image_may_bring_its_own_names(features, text) -> None:
    model, other = aggregation(chunk=3), text.flip(0)
    got = maps(model, features, torch.stack([text, other]))
    torch.testing.assert_close(got[0], maps(model, features, text)[0])
    torch.testing.assert_close(got[1], maps(model, features, other)[1])


@torch.no_grad()
def test_only_the_best_classes_are_looked_at(features, text) -> None:
    """What is kept is as if nothing else had been asked; the rest is nothing, for sure."""
    model = aggregation(keep=3, chunk=2)
    got = maps(model, features, text)
    cosines = CostVolume(in_dim=D, dim=D)(Regions.of_pixels(features["clip"]), text)
    for image in range(B):
        kept = cosines[image].amax((0, 2)).topk(3).indices.sort().values
        own = {name: value[image : image + 1] for name, value in features.items()}
        torch.testing.assert_close(got[image, kept], maps(aggregation(), own, text[kept])[0])
        others = [k for k in range(K) if k not in kept]
        assert (got[image, others] == -100).all()


def test_recomputing_gives_the_same_gradients(features, text) -> None:
    gradients = []
    for recompute in (False, True):
        model = aggregation(chunk=2, recompute=recompute).train()
        maps(model, features, text).square().mean().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert all(value is not None for value in gradients[0].values())
    torch.testing.assert_close(gradients[0], gradients[1])


def test_gradients_reach_features_and_text(features, text) -> None:
    features["clip"].requires_grad_()
    text.requires_grad_()
    maps(aggregation(keep=3), features, text).sum().backward()
    assert features["clip"].grad.abs().sum() > 0 and text.grad.abs().sum() > 0


def test_behind_another_naming(features, text) -> None:
    """One score a class instead of one a template."""
    model = aggregation(chunk=2)
    model.embedding = nn.Conv2d(1, C, 7, padding=3)
    naming = TextClassifier(in_dim=D, dim=D, with_void=False)
    regions = Regions.of_pixels(features["clip"])
    (finer,), (logits,) = model(features, [regions], text, naming)
    assert finer.grid == (16, 24) and logits.shape == (B, 16 * 24, K)
    assert finer.embeddings.shape == (B, 16 * 24, 0)


def test_without_aggregation_every_region_is_named_alone(features, text) -> None:
    regions, naming = Regions.of_pixels(features["clip"]), CostVolume(in_dim=D, dim=D)
    (same,), (logits,) = each_alone(features, [regions], text, naming)
    assert same is regions and torch.equal(logits, naming(regions, text))


SHAPES = {
    "clip": ShapeSpec(channels=8, stride=16),
    "block3": ShapeSpec(channels=6, stride=16),
    "block7": ShapeSpec(channels=6, stride=16),
}
V2 = Path(__file__).parents[2] / "configs" / "cat_seg" / "v2_vitb.yaml"


def test_from_a_configuration() -> None:
    model = build_aggregation(get_config(V2, ["MODEL.DEVICE", "cpu"]), SHAPES, 8)
    assert isinstance(model, CostAggregation)
    assert [guidance.upsample.stride for guidance in model.decoder_guidance] == [(2, 2), (4, 4)]
    assert model.keep == 256 and model.layers[1].classes.pad_to == 256
    assert build_aggregation(get_config(), SHAPES, 8) is each_alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["APPEARANCE", "res4"], r"guided by \['res4'\], but the backbone gives \['block3', 'bl"),
        (["DECODER_FEATURES", "['block3']"], r"DECODER_FEATURES are \['block3'\] for 2 blocks"),
        (["DECODER_DIMS", "[64, 20]"], r"\[64, 20\] channels; expected multiples of 16"),
        (["CLASS_CHUNK", "0"], "takes 0 classes at a time; expected 1 or more"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(options: list[str], message: str) -> None:
    cfg = get_config(V2, ["MODEL.DEVICE", "cpu", f"MODEL.AGGREGATION.{options[0]}", options[1]])
    with pytest.raises(ValueError, match=message):
        build_aggregation(cfg, SHAPES, 8)


def test_masks_are_refused(features, text) -> None:
    regions = replace(Regions.of_pixels(features["clip"]), masks=torch.zeros(B, 24, *GRID))
    with pytest.raises(
        ValueError, match="refines the scores of pixels, but these regions are masks"
    ):
        aggregation()(features, [regions], text, CostVolume(in_dim=D, dim=D))
