import pytest
import torch
from torch import nn

from zs3.grouping.attention import Attention, AttentionBlock, BlockSpec, FeedForwardBlock


def test_heads_that_do_not_share_the_channels_are_refused():
    with pytest.raises(ValueError, match="10 channels cannot be shared among 4 heads"):
        BlockSpec(dim=10, heads=4, dim_feedforward=5)


def test_attention_equals_torchs():
    """Same parameters by name, same result, with and without a mask."""
    ours = Attention(12, heads=3, dropout=0.0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    nn.init.normal_(ours.in_proj_bias)
    theirs.load_state_dict(ours.state_dict())
    query, key, value = torch.randn(2, 4, 12), torch.randn(2, 5, 12), torch.randn(2, 5, 12)
    attend = torch.rand(2, 4, 5) > 0.4
    attend[..., 0] = True

    expected, _ = theirs(query, key, value)
    torch.testing.assert_close(ours(query, key, value), expected)
    blocked = ~attend.repeat_interleave(3, dim=0)
    expected, _ = theirs(query, key, value, attn_mask=blocked)
    torch.testing.assert_close(ours(query, key, value, attend), expected)


def test_what_may_not_be_attended_to_changes_nothing():
    attention = Attention(8, heads=2, dropout=0.0)
    query, tokens = torch.randn(1, 3, 8), torch.randn(1, 4, 8)
    attend = torch.tensor([True, False, True, False]).expand(1, 3, 4)
    changed = tokens + torch.tensor([0.0, 1.0, 0.0, 1.0])[:, None]
    torch.testing.assert_close(
        attention(query, tokens, tokens, attend), attention(query, changed, changed, attend)
    )


@pytest.mark.parametrize("pre_norm", [False, True])
def test_positions_reach_queries_and_keys_but_not_values(pre_norm):
    """With one token to attend to, weights are 1 whatever the positions, so these must not show."""
    spec = BlockSpec(dim=8, heads=2, dim_feedforward=5, pre_norm=pre_norm)
    block = AttentionBlock(spec)
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 1, 8)
    there = block(x, torch.randn(3, 8), memory, torch.randn(1, 8))
    torch.testing.assert_close(there, block(x, torch.zeros(3, 8), memory, torch.zeros(1, 8)))
    assert not torch.allclose(block(x, torch.randn(3, 8)), block(x, torch.zeros(3, 8)))


@pytest.mark.parametrize("block", [AttentionBlock, FeedForwardBlock])
def test_post_norm_normalises_the_sum_and_pre_norm_keeps_it(block):
    x, position = 10 * torch.randn(2, 3, 8), [torch.zeros(3, 8)] * (block is AttentionBlock)
    post = block(BlockSpec(dim=8, heads=2, dim_feedforward=5, pre_norm=False))(x, *position)
    torch.testing.assert_close(post.mean(-1), torch.zeros(2, 3), atol=1e-5, rtol=0)

    pre = block(BlockSpec(dim=8, heads=2, dim_feedforward=5, pre_norm=True))
    for parameter in pre.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(pre(x, *position), x)


def test_dropout_is_for_training():
    spec = BlockSpec(dim=8, heads=2, dim_feedforward=5, dropout=0.5)
    x, position = torch.randn(2, 3, 8), torch.zeros(3, 8)
    for block, inputs in ((AttentionBlock(spec), (x, position)), (FeedForwardBlock(spec), (x,))):
        assert not torch.equal(block.train()(*inputs), block(*inputs))
        assert torch.equal(block.eval()(*inputs), block(*inputs))


def test_matrices_start_xavier_uniform_and_the_three_projections_as_one():
    attention, block = Attention(16, heads=2, dropout=0.0), FeedForwardBlock(BlockSpec(16, 2, 90))
    starts = {
        attention.in_proj_weight: 6 / (16 + 48),
        attention.out_proj.weight: 6 / (16 + 16),
        block.linear1.weight: 6 / (16 + 90),
        block.linear2.weight: 6 / (16 + 90),
    }
    for weight, bound in starts.items():
        assert 0.9 * bound < weight.square().max() <= bound
    assert not attention.in_proj_bias.any() and not attention.out_proj.bias.any()
