import pytest
import torch
from torch import nn

from zs3.grouping.attention import BlockSpec
from zs3.grouping.transformer import Encoder, Transformer, map_tokens


def spec(pre_norm: bool = False) -> BlockSpec:
    return BlockSpec(dim=8, heads=2, dim_feedforward=5, pre_norm=pre_norm)


def test_tokens_go_row_by_row():
    features = torch.randn(2, 3, 4, 5)
    assert torch.equal(map_tokens(features)[1, 2 * 5 + 3], features[1, :, 2, 3])


@pytest.mark.parametrize("pre_norm", [False, True])
def test_shapes(pre_norm):
    transformer = Transformer(spec(pre_norm), enc_layers=1, dec_layers=3)
    features, position = torch.randn(2, 8, 4, 5), torch.randn(8, 4, 5)
    states, memory = transformer(features, position, torch.randn(7, 8))
    assert states.shape == (3, 2, 7, 8)
    assert memory.shape == (2, 8, 4, 5)


def test_an_encoder_without_layers_is_the_identity_or_pre_norms_last_norm():
    features, position = torch.randn(2, 8, 4, 5), torch.randn(8, 4, 5)
    assert torch.equal(Encoder(0, spec())(features, position), features)
    assert not list(Encoder(2, spec()).norm.parameters())

    normalised = Encoder(0, spec(pre_norm=True))(features, position)
    torch.testing.assert_close(normalised.mean(1), torch.zeros(2, 4, 5), atol=1e-5, rtol=0)


def test_layers_see_the_ones_before_but_not_after():
    transformer = Transformer(spec(), enc_layers=0, dec_layers=3)
    inputs = torch.randn(2, 8, 4, 5), torch.randn(8, 4, 5), torch.randn(7, 8)
    before, _ = transformer(*inputs)
    nn.init.normal_(transformer.decoder.layers[1].feed_forward.linear2.bias)
    after, _ = transformer(*inputs)
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])
    assert not torch.allclose(before[2], after[2])


def test_the_order_of_places_does_not_matter_where_they_have_no_position():
    transformer = Transformer(spec(), enc_layers=1, dec_layers=2)
    features, queries = torch.randn(2, 8, 4, 5), torch.randn(7, 8)
    states, memory = transformer(features, torch.zeros(8, 4, 5), queries)
    turned, turned_memory = transformer(features.flip(2, 3), torch.zeros(8, 4, 5), queries)
    torch.testing.assert_close(turned, states)
    torch.testing.assert_close(turned_memory.flip(2, 3), memory)
