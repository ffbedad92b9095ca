import pytest
import torch

from zs3.config import get_config
from zs3.grouping import MaskProposals, PixelGrid, build_grouping
from zs3.runtime.layers import ShapeSpec

R50 = {
    name: ShapeSpec(channels=256 * 2**i, stride=4 * 2**i)
    for i, name in enumerate(("res2", "res3", "res4", "res5"))
}
SMALL = {
    name: ShapeSpec(channels=4 + i, stride=4 * 2**i)
    for i, name in enumerate(("res2", "res3", "res4"))
}


def grouping(*options, shapes=SMALL):
    return build_grouping(get_config(opts=[f"{option}" for option in options]), shapes)


def small(*options):
    sizes = ("CONV_DIM", 32, "MASK_DIM", 6, "IN_FEATURES", ["res2", "res3", "res4"])
    keys = [f"MODEL.PIXEL_DECODER.{v}" if isinstance(v, str) else v for v in sizes]
    queries = ("NUM_QUERIES", 5, "HIDDEN_DIM", 8, "NHEADS", 2, "DIM_FEEDFORWARD", 9)
    keys += [f"MODEL.QUERY_DECODER.{v}" if isinstance(v, str) else v for v in queries]
    return grouping(*keys, "MODEL.QUERY_DECODER.IN_FEATURE", "res4", *options)


def features(batch: int = 2) -> dict[str, torch.Tensor]:
    return {
        name: torch.randn(batch, spec.channels, 48 // spec.stride, 80 // spec.stride)
        for name, spec in SMALL.items()
    }


QUERIES = ["MODEL.QUERY_DECODER.NAME"]


@pytest.mark.parametrize("decoder", ["DETRDecoder", "MaskedDecoder"])
def test_proposals_have_masks_at_the_finest_stride(decoder):
    proposals = small(*QUERIES, decoder).eval()
    (regions,) = proposals(features())
    assert proposals.embedding_dim == 8
    assert regions.embeddings.shape == (2, 5, 8)
    assert regions.masks.shape == (2, 5, 12, 20)
    assert len(proposals.train()(features())) == {"DETRDecoder": 6, "MaskedDecoder": 7}[decoder]


DEFORMABLE = [
    "MODEL.PIXEL_DECODER.NAME",
    "MSDeformAttnPixelDecoder",
    "MODEL.PIXEL_DECODER.ENC_FEATURES",
    ["res3", "res4"],
]


@pytest.mark.parametrize(
    "pixels", [["MODEL.PIXEL_DECODER.NAME", "TransformerEncoderFPN"], DEFORMABLE]
)
def test_queries_may_read_the_encoded_map(pixels):
    proposals = small(*pixels, "MODEL.QUERY_DECODER.IN_FEATURE", "pixel_decoder")
    assert proposals.eval()(features())[0].masks.shape == (2, 5, 12, 20)


def test_masked_queries_take_turns_with_deformable_maps():
    proposals = small(*DEFORMABLE, *QUERIES, "MaskedDecoder").eval()
    assert proposals(features())[0].masks.shape == (2, 5, 12, 20)


@pytest.mark.parametrize(
    "pixels",
    [
        ["MODEL.PIXEL_DECODER.NAME", "FPN"],
        ["MODEL.PIXEL_DECODER.NAME", "TransformerEncoderFPN"],
        DEFORMABLE,
    ],
)
def test_a_pixel_grid_has_one_region_a_cell(pixels):
    grid = small("MODEL.GROUPING.NAME", "PixelGrid", *pixels).eval()
    (regions,) = grid(features())
    assert grid.embedding_dim == 6
    assert regions.embeddings.shape == (2, 12 * 20, 6)
    assert regions.masks is None and regions.grid == (12, 20)


def test_a_pixel_grid_without_a_decoder_is_the_finest_map():
    grid = small("MODEL.GROUPING.NAME", "PixelGrid", "MODEL.PIXEL_DECODER.NAME", "BackboneMap")
    given = features()
    (regions,) = grid(given)
    assert grid.embedding_dim == 4
    assert torch.equal(regions.paint(regions.embeddings), given["res2"])


def test_a_pixel_grid_of_every_size_of_the_images():
    grid = small("MODEL.GROUPING.NAME", "PixelGrid", "MODEL.PIXEL_DECODER.NAME", "BackboneMap")
    given = features()
    half = {f"{name}@0.5": x[..., ::2, ::2] for name, x in given.items()}
    smaller, own = grid({**given, **half})
    assert (smaller.grid, own.grid) == ((6, 10), (12, 20))
    assert torch.equal(smaller.paint(smaller.embeddings), half["res2@0.5"])


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        # ZegFormer's 41.4 M without its backbone (23.5 M), and without what names the regions.
        ([], 17_761_024),
        (["MODEL.QUERY_DECODER.NAME", "MaskedDecoder", "MODEL.QUERY_DECODER.DEC_LAYERS", 9], None),
        (["MODEL.PIXEL_DECODER.NAME", "TransformerEncoderFPN"], None),
        (["MODEL.GROUPING.NAME", "PixelGrid"], None),
    ],
)
def test_published_sizes_build(options, parameters):
    with torch.device("meta"):
        part = grouping(*options, shapes=R50)
        assert isinstance(part, MaskProposals | PixelGrid)
        count = sum(parameter.numel() for parameter in part.parameters())
        assert parameters in (None, count)
        sizes = {name: (640 // s.stride, 960 // s.stride) for name, s in R50.items()}
        maps = {name: torch.empty(1, s.channels, *sizes[name]) for name, s in R50.items()}
        (regions,) = part.eval()(maps)
        assert regions.grid == (160, 240)


def test_unknown_parts_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"no grouping is called 'MaskProposal'; .*MaskProposals"):
        small("MODEL.GROUPING.NAME", "MaskProposal")
    with pytest.raises(ValueError, match=r"no pixel decoder is called 'FPM'; .*'FPN'"):
        small("MODEL.PIXEL_DECODER.NAME", "FPM")
    with pytest.raises(ValueError, match=r"no query decoder is called 'DETR'; .*DETRDecoder"):
        small("MODEL.QUERY_DECODER.NAME", "DETR")
