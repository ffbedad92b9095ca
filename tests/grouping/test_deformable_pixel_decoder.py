"""Mask2Former's pixel decoder; what all pixel decoders must do is in test_pixel_decoder.py."""

import pytest
import torch
from torch import nn

from zs3.config import get_config
from zs3.grouping import PIXEL_DECODER_REGISTRY, MSDeformAttnPixelDecoder
from zs3.grouping.attention import BlockSpec
from zs3.grouping.deformable_pixel_decoder import DeformableEncoder
from zs3.runtime.layers import ShapeSpec

CHANNELS = {"res2": 3, "res3": 4, "res4": 5, "res5": 6}
SIZES = {"res2": (13, 18), "res3": (7, 9), "res4": (4, 5), "res5": (2, 3)}
SHAPES = {
    name: ShapeSpec(channels=channels, stride=2 ** (i + 2))
    for i, (name, channels) in enumerate(CHANNELS.items())
}


def maps(batch: int = 2) -> dict[str, torch.Tensor]:
    return {name: torch.randn(batch, CHANNELS[name], *size) for name, size in SIZES.items()}


def decoder(
    encoded=("res3", "res4", "res5"), fine=("res2",), dropout: float = 0.0
) -> MSDeformAttnPixelDecoder:
    return MSDeformAttnPixelDecoder(
        enc_channels={name: CHANNELS[name] for name in encoded},
        fine_channels={name: CHANNELS[name] for name in fine},
        mask_dim=10,
        enc_layers=2,
        points=2,
        spec=BlockSpec(dim=32, heads=4, dim_feedforward=9, dropout=dropout),
    )


def configured(*options) -> MSDeformAttnPixelDecoder:
    opts = ["MODEL.PIXEL_DECODER.NAME", "MSDeformAttnPixelDecoder", *options]
    cfg = get_config(opts=[f"{option}" for option in opts])
    return PIXEL_DECODER_REGISTRY.get(cfg.MODEL.PIXEL_DECODER.NAME)(cfg, SHAPES)


@pytest.mark.parametrize(
    ("encoded", "fine"),
    [
        (("res3", "res4", "res5"), ("res2",)),
        (("res4", "res5"), ("res2", "res3")),
        (("res5",), ("res2", "res3", "res4")),
        (("res3", "res5"), ("res2",)),
        (("res2", "res3", "res4", "res5"), ()),
        (("res4",), ()),
    ],
)
def test_any_maps_may_be_encoded_and_any_finer_ones_join(encoded, fine):
    decoded = decoder(encoded, fine)(maps())
    way = [SIZES[name] for name in (*reversed(encoded), *reversed(fine))]
    assert [tuple(x.shape[2:]) for x in decoded.multi_scale] == way[:3]
    assert {x.shape[1] for x in decoded.multi_scale} == {32}
    assert decoded.mask_features.shape == (2, 10, *way[-1])
    assert decoded.encoded is decoded.multi_scale[0]


def test_every_encoded_map_is_read_by_every_other():
    part, features = decoder().eval(), maps()
    for parameter in part.parameters():
        nn.init.normal_(parameter, std=0.3)
    before = part(features).multi_scale
    for name in ("res3", "res4", "res5"):
        after = part({**features, name: torch.randn_like(features[name])}).multi_scale
        assert not any(torch.allclose(x, y) for x, y in zip(before, after, strict=True))
    after = part({**features, "res2": features["res2"] + 1}).multi_scale
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


def test_the_way_down_blends_the_coarse_map():
    """Zero laterals and identities: what arrives is the encoded map, enlarged bilinearly."""
    part, features = decoder(("res5",), ("res4",)), maps()
    seen = []
    part.output[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    for parameter in part.lateral.parameters():
        nn.init.zeros_(parameter)
    encoded = part(features).encoded
    expected = nn.functional.interpolate(encoded, SIZES["res4"], mode="bilinear")
    torch.testing.assert_close(seen[0], expected)


def test_a_cell_knows_its_place_and_its_map():
    """On constant maps, cells differ by position only, and maps of one size by their level."""
    torch.manual_seed(0)
    encoder = DeformableEncoder(1, BlockSpec(8, 2, 9), levels=2, points=2)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    first, second = encoder([torch.ones(1, 8, 3, 3)] * 2)
    assert first.std((2, 3)).max() > 0.01
    assert (first - second).abs().max() > 0.01
    nn.init.zeros_(encoder.level_embed)
    first, second = encoder([torch.ones(1, 8, 3, 3)] * 2)
    torch.testing.assert_close(first, second)


def test_the_encoder_keeps_full_precision_under_autocast():
    part, features = decoder().eval(), maps()
    with torch.autocast("cpu", torch.bfloat16):
        decoded = part({name: x.bfloat16() for name, x in features.items()})
        halved = part(features)
    assert decoded.encoded.dtype == torch.float32
    assert decoded.mask_features.dtype == torch.bfloat16
    torch.testing.assert_close(halved.encoded, part(features).encoded)


def test_dropout_is_the_blocks():
    features = maps()
    for dropout, same in ((0.0, True), (0.5, False)):
        part = decoder(dropout=dropout).train()
        assert torch.equal(part(features).encoded, part(features).encoded) == same
        assert torch.equal(part.eval()(features).encoded, part(features).encoded)


def test_projections_are_xavier_without_a_bias():
    part = decoder()
    for conv, norm in part.input_proj:
        limit = (6 / (conv.in_channels + 32)) ** 0.5
        assert limit * 0.8 < conv.weight.abs().max() <= limit
        assert not conv.bias.any()
        assert (norm.num_groups, norm.num_channels) == (32, 32)
    assert part.encoder.level_embed.std() > 0.5


def test_pre_norm_blocks_are_refused():
    with pytest.raises(ValueError, match="post-norm blocks only"):
        DeformableEncoder(1, BlockSpec(8, 2, 9, pre_norm=True), levels=2, points=2)


def test_the_defaults_are_the_published_sizes():
    with torch.device("meta"):
        part = configured("MODEL.QUERY_DECODER.PRE_NORM", True)
    assert (part.enc_features, part.fine_features) == (("res5", "res4", "res3"), ("res2",))
    assert len(part.encoder.layers) == 6
    layer = part.encoder.layers[0]
    assert layer.self_attention.attention.sampling_offsets.weight.shape == (192, 256)
    assert layer.feed_forward.linear1.weight.shape == (1024, 256)
    assert part.mask_features.weight.shape == (256, 256, 1, 1)


@pytest.mark.parametrize(
    ("read", "encoded", "fine"),
    [
        (["res2", "res3", "res4", "res5"], ["res5", "res4"], ("res2", "res3")),
        (["res3"], ["res4"], ("res3",)),
        (["res3", "res4", "res5"], ["res3", "res5"], ()),
    ],
)
def test_finer_maps_of_in_features_join(read, encoded, fine):
    with torch.device("meta"):
        part = configured(
            "MODEL.PIXEL_DECODER.IN_FEATURES", read, "MODEL.PIXEL_DECODER.ENC_FEATURES", encoded
        )
    assert part.fine_features == fine
    assert part.enc_features == tuple(sorted(encoded, reverse=True))


def test_a_map_the_backbone_lacks_is_refused():
    with pytest.raises(ValueError, match=r"asks for \['res7'\], and the backbone gives"):
        configured("MODEL.PIXEL_DECODER.ENC_FEATURES", ["res4", "res7"])
    with pytest.raises(ValueError, match="asks for no map at all"):
        configured("MODEL.PIXEL_DECODER.ENC_FEATURES", [])
