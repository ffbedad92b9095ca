import pytest
import torch
from torch import nn

from zs3.grouping import FPN, BackboneMap, MSDeformAttnPixelDecoder, TransformerEncoderFPN
from zs3.grouping.attention import BlockSpec
from zs3.grouping.pixel_decoder import select
from zs3.runtime.layers import ShapeSpec

CHANNELS = {"res2": 3, "res3": 4, "res4": 5, "res5": 6}
SHAPES = {
    name: ShapeSpec(channels=channels, stride=2 ** (i + 2))
    for i, (name, channels) in enumerate(CHANNELS.items())
}


def maps(names=tuple(CHANNELS), batch: int = 2) -> dict[str, torch.Tensor]:
    """Odd sizes: every level is half the finer one, rounded up."""
    sizes = {"res2": (13, 18), "res3": (7, 9), "res4": (4, 5), "res5": (2, 3)}
    return {name: torch.randn(batch, CHANNELS[name], *sizes[name]) for name in names}


def fpn(names=tuple(CHANNELS), norm: str = "GN") -> FPN:
    in_channels = {name: CHANNELS[name] for name in names}
    return FPN(in_channels=in_channels, conv_dim=64, mask_dim=10, norm=norm)


def encoder_fpn(pre_norm: bool = False) -> TransformerEncoderFPN:
    spec = BlockSpec(dim=32, heads=4, dim_feedforward=9, pre_norm=pre_norm)
    return TransformerEncoderFPN(in_channels=CHANNELS, mask_dim=10, enc_layers=1, spec=spec)


def deformable() -> MSDeformAttnPixelDecoder:
    """Not as it starts, where nothing depends on where a token is."""
    in_channels = dict(CHANNELS)
    decoder = MSDeformAttnPixelDecoder(
        fine_channels={"res2": in_channels.pop("res2")},
        enc_channels=in_channels,
        mask_dim=10,
        enc_layers=1,
        points=2,
        spec=BlockSpec(dim=32, heads=4, dim_feedforward=9),
    )
    for parameter in decoder.encoder.parameters():
        nn.init.normal_(parameter, std=0.2)
    return decoder


@pytest.mark.parametrize("norm", ["GN", "BN", ""])
def test_maps_come_coarse_to_fine_and_mask_features_at_the_finest_stride(norm):
    decoded = fpn(norm=norm)(maps())
    assert decoded.mask_features.shape == (2, 10, 13, 18)
    assert [tuple(x.shape) for x in decoded.multi_scale] == [
        (2, 64, 2, 3),
        (2, 64, 4, 5),
        (2, 64, 7, 9),
    ]
    assert decoded.encoded is None


@pytest.mark.parametrize(("names", "count"), [(["res2", "res3", "res4"], 3), (["res3"], 1)])
def test_any_number_of_levels(names, count):
    decoded = fpn(names)({**maps(), "unread": torch.empty(0)})
    assert decoded.mask_features.shape[2:] == maps()[names[0]].shape[2:]
    assert len(decoded.multi_scale) == count


@pytest.mark.parametrize("norm", ["GN", "BN", ""])
def test_convolutions_have_a_bias_where_there_is_no_norm(norm):
    decoder = fpn(norm=norm)
    biased = {name for name, m in decoder.named_modules() if getattr(m, "bias", None) is not None}
    convolutions = {name for name, m in decoder.named_modules() if isinstance(m, nn.Conv2d)}
    assert biased & convolutions == ({"mask_features"} if norm else convolutions)


def test_the_coarse_map_is_repeated_not_blended():
    """One level says 2 per cell, the finer one 0: each cell of the sum is its coarse parent."""
    decoder = FPN(in_channels={"res2": 1, "res3": 1}, conv_dim=1, mask_dim=1, norm="")
    for parameter in decoder.parameters():
        nn.init.zeros_(parameter)
    for conv in decoder.output:
        conv.weight.data[0, 0, 1, 1] = 1
    features = {"res2": torch.zeros(1, 1, 4, 4), "res3": torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])}
    _, fine = decoder(features).multi_scale
    expected = torch.tensor([[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])
    assert torch.equal(fine[0, 0], expected)


def test_the_encoder_changes_the_coarsest_map_before_the_pyramid():
    decoder = encoder_fpn().eval()
    features = maps()
    decoded = decoder(features)
    assert decoded.encoded.shape == (2, 32, 2, 3)
    assert decoded.mask_features.shape == (2, 10, 13, 18)
    expected = decoder.fpn({**features, "res5": decoded.encoded}).mask_features
    assert torch.equal(decoded.mask_features, expected)


@pytest.mark.parametrize("build", [fpn, encoder_fpn, deformable])
def test_a_batch_of_two_is_two_batches_of_one(build):
    decoder, features = build().eval(), maps()
    together = decoder(features).mask_features
    for i in range(2):
        alone = decoder({name: x[i : i + 1] for name, x in features.items()}).mask_features
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "build", [fpn, encoder_fpn, lambda: encoder_fpn(pre_norm=True), deformable]
)
def test_everything_is_trained(build):
    decoder, features = build(), {name: x.requires_grad_() for name, x in maps().items()}
    decoder(features).mask_features.square().sum().backward()
    assert all(x.grad.abs().sum() > 0 for x in features.values())
    assert all(p.grad.abs().sum() > 0 for p in decoder.parameters())


def test_a_backbone_map_is_taken_as_it_is():
    features = maps()
    decoded = BackboneMap(in_feature="res3", in_channels=4)(features)
    assert decoded.mask_features is features["res3"]
    assert decoded.multi_scale == ()


def test_maps_are_sorted_by_stride():
    assert list(select(SHAPES, ["res4", "res2"]).items()) == [("res2", 3), ("res4", 5)]


def test_a_map_the_backbone_lacks_is_refused():
    with pytest.raises(ValueError, match=r"asks for \['res6'\], and the backbone gives \['res2'"):
        select(SHAPES, ["res2", "res6"])
    with pytest.raises(ValueError, match="asks for no map at all"):
        select(SHAPES, [])
