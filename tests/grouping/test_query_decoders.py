"""What both query decoders must do, and what only one of them does."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from zs3.grouping import DecodedPixels, DETRDecoder, MaskedDecoder
from zs3.grouping.attention import BlockSpec
from zs3.grouping.mask_head import MaskHead

B, N, C, M = 2, 5, 8, 6


def spec(pre_norm: bool = False) -> BlockSpec:
    return BlockSpec(dim=C, heads=2, dim_feedforward=9, pre_norm=pre_norm)


def detr(pre_norm: bool = False, **options) -> DETRDecoder:
    options = {"in_feature": "res5", "in_channels": 7, "enc_layers": 1, **options}
    return DETRDecoder(
        mask_dim=M, num_queries=N, dec_layers=2, spec=spec(pre_norm), **options
    ).eval()


def masked(pre_norm: bool = False, **options) -> MaskedDecoder:
    options = {"in_channels": 3, "num_scales": 2, "dec_layers": 3, **options}
    return MaskedDecoder(mask_dim=M, num_queries=N, spec=spec(pre_norm), **options).eval()


def inputs(batch: int = B) -> tuple[dict[str, torch.Tensor], DecodedPixels]:
    return {"res5": torch.randn(batch, 7, 3, 4)}, DecodedPixels(
        mask_features=torch.randn(batch, M, 12, 15),
        multi_scale=(torch.randn(batch, 3, 3, 4), torch.randn(batch, 3, 6, 7)),
        encoded=torch.randn(batch, C, 3, 4),
    )


def image(i: int, features, decoded):
    return {name: x[i : i + 1] for name, x in features.items()}, DecodedPixels(
        decoded.mask_features[i : i + 1],
        tuple(x[i : i + 1] for x in decoded.multi_scale),
        decoded.encoded[i : i + 1],
    )


both = pytest.mark.parametrize(("build", "supervised"), [(detr, 2), (masked, 4)])


@both
@pytest.mark.parametrize("pre_norm", [False, True])
def test_training_gives_every_layer_and_prediction_the_last(build, supervised, pre_norm):
    decoder, given = build(pre_norm), inputs()
    (final,) = decoder(*given)
    assert final.embeddings.shape == (B, N, C)
    assert final.masks.shape == (B, N, 12, 15) and final.grid == (12, 15)

    layers = decoder.train()(*given)
    assert len(layers) == supervised
    torch.testing.assert_close(layers[-1].embeddings, final.embeddings)
    torch.testing.assert_close(layers[-1].masks, final.masks)


@both
def test_without_deep_supervision_training_gives_the_last_layer(build, supervised):
    assert len(build(deep_supervision=False).train()(*inputs())) == 1


@both
def test_a_batch_of_two_is_two_batches_of_one(build, supervised):
    decoder, given = build(), inputs()
    (together,) = decoder(*given)
    for i in range(B):
        (alone,) = decoder(*image(i, *given))
        torch.testing.assert_close(together.embeddings[i], alone.embeddings[0])
        torch.testing.assert_close(together.masks[i], alone.masks[0], atol=1e-5, rtol=1e-4)


@both
def test_a_narrow_map_is_projected_and_a_fitting_one_only_if_enforced(build, supervised):
    def projections(**options) -> int:
        decoder = build(**options)
        return sum(isinstance(module, nn.Conv2d) for module in decoder.modules())

    scales = {detr: 1, masked: 2}[build]
    assert projections() == scales
    assert projections(in_channels=C) == 0
    assert projections(in_channels=C, enforce_input_proj=True) == scales


@both
def test_masks_train_the_queries_and_the_mask_features(build, supervised):
    decoder, (features, decoded) = build().train(), inputs()
    decoded.mask_features.requires_grad_()
    regions = decoder(features, decoded)
    sum(layer.masks.square().mean() for layer in regions).backward()
    assert decoded.mask_features.grad.abs().sum() > 0
    untrained = [name for name, p in decoder.named_parameters() if p.grad is None]
    assert untrained == []
    assert decoder.query_embed.weight.grad.abs().sum() > 0


def test_a_mask_is_the_inner_product_with_every_pixel():
    head = MaskHead(C, M)
    queries, features = torch.randn(B, N, C), torch.randn(B, M, 3, 4)
    regions = head(queries, features)
    expected = head.mlp(queries[1, 2]) @ features[1, :, 0, 3]
    torch.testing.assert_close(regions.masks[1, 2, 0, 3], expected)
    assert regions.embeddings is queries


def test_detr_may_read_the_map_that_the_pixel_decoder_encoded():
    decoder = detr(in_feature="pixel_decoder", in_channels=C)
    features, decoded = inputs()
    (regions,) = decoder({}, decoded)
    (same,) = detr_like(decoder, "res5")({"res5": decoded.encoded}, decoded)
    assert torch.equal(regions.masks, same.masks)

    without = DecodedPixels(decoded.mask_features, decoded.multi_scale)
    with pytest.raises(ValueError, match="encodes none; use TransformerEncoderFPN"):
        decoder(features, without)


def detr_like(decoder: DETRDecoder, in_feature: str) -> DETRDecoder:
    other = detr(in_feature=in_feature, in_channels=C)
    other.load_state_dict(decoder.state_dict())
    return other


def test_too_few_maps_are_refused():
    with pytest.raises(ValueError, match=r"takes turns with 3 maps, but the pixel decoder gives 2"):
        masked(num_scales=3)(*inputs())


def test_queries_look_inside_their_masks_only():
    """What the masks of the start leave out cannot change the first layer; what they hold does."""
    torch.manual_seed(0)
    decoder, (_, decoded) = masked(num_scales=1, dec_layers=1), inputs()
    coarse = decoded.multi_scale[0]
    start = decoder.mask_head.logits(
        decoder.norm(decoder.query_feat.weight).expand(B, -1, -1), decoded.mask_features
    )
    resized = F.interpolate(start, size=coarse.shape[2:], mode="bilinear", align_corners=False)
    outside_all = (resized < 0).all(1, keepdim=True)
    assert 0 < outside_all.float().mean() < 1

    def final(change: torch.Tensor) -> torch.Tensor:
        changed = DecodedPixels(decoded.mask_features, (coarse + change,))
        return decoder({}, changed)[0].embeddings

    torch.testing.assert_close(final(5.0 * outside_all), final(torch.zeros(())))
    assert not torch.allclose(final(5.0 * ~outside_all), final(torch.zeros(())))


def test_a_query_with_an_empty_mask_looks_everywhere():
    decoder, (_, decoded) = masked(num_scales=1, dec_layers=1), inputs()
    last = decoder.mask_head.mlp[-1]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, -1.0)
    positive = DecodedPixels(decoded.mask_features.abs() + 0.1, decoded.multi_scale)
    attend = decoder._attend(torch.zeros(B, N, C), positive.mask_features)
    assert attend.all()
    assert torch.isfinite(decoder({}, positive)[0].embeddings).all()


def test_layers_take_turns_with_the_maps():
    """With one layer only the coarsest map is read; with two the next one as well."""
    for dec_layers, read in ((1, False), (2, True)):
        decoder, (features, decoded) = masked(dec_layers=dec_layers), inputs()
        coarse, fine = decoded.multi_scale
        changed = DecodedPixels(decoded.mask_features, (coarse, fine + 1))
        before, after = (decoder(features, d)[0].embeddings for d in (decoded, changed))
        assert torch.equal(before, after) != read
