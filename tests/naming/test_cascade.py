import pytest
import torch
from torch.nn import functional as F

from zs3.config import get_config
from zs3.grouping.attention import BlockSpec
from zs3.naming import AlignmentDecoder, CascadeNaming, GaussianAggregation, NaiveSum, build_naming
from zs3.naming.cascade import relationship_descriptor
from zs3.regions import Regions

B, N, K, C, D = 2, 5, 3, 6, 8


def regions(levels=0, width=C):
    torch.manual_seed(0)
    return Regions(
        torch.randn(B, N, width),
        (1, N),
        levels=tuple(torch.randn(B, N, D) for _ in range(levels)),
        summary=torch.randn(B, D),
    )


def text(*leading):
    torch.manual_seed(1)
    return F.normalize(torch.randn(*leading, K, 1, D), dim=-1)


def naming(stages=(2, 1), **options):
    torch.manual_seed(2)
    aggregation = GaussianAggregation(stages)
    sizes = {"in_dim": C, "dim": D, "heads": 2, "dim_feedforward": 7}
    return CascadeNaming(aggregation=aggregation, **{**sizes, **options}).eval()


def test_the_descriptor_by_hand():
    classes, summary = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([[2.0, 5.0]])
    expected = torch.tensor([[[2.0, 10.0, 1.0, 2.0], [6.0, -5.0, 3.0, -1.0]]])
    assert torch.equal(relationship_descriptor(classes, summary), expected)
    assert torch.equal(relationship_descriptor(classes[None], summary), expected)


def test_weights_start_as_a_gaussian_around_the_deepest_level():
    near, far = torch.tensor([-0.5, -2.0]).exp().tolist()
    first, second = GaussianAggregation([3, 1]).weights
    assert first.tolist() == pytest.approx([far, near, 1.0])
    assert second.tolist() == [1.0]
    (wide,) = GaussianAggregation([2], sigma=2.0).weights
    assert wide.tolist() == pytest.approx([torch.tensor(-0.125).exp().item(), 1.0])


def test_a_stage_is_the_weighted_sum_of_its_levels():
    aggregation, given = GaussianAggregation([2, 1]), regions(levels=3)
    with torch.no_grad():
        aggregation.weights[0].copy_(torch.tensor([2.0, -1.0]))
    first, second, last = aggregation(given)
    torch.testing.assert_close(first, 2 * given.levels[0] - given.levels[1])
    assert torch.equal(second, given.levels[2]) and last is given.embeddings


def test_the_naive_sum_is_one_memory():
    given = regions(levels=2, width=D)
    (memory,) = NaiveSum()(given)
    torch.testing.assert_close(memory, given.levels[0] + given.levels[1] + given.embeddings)


def test_a_decoders_logits_are_the_mean_over_the_heads():
    decoder = AlignmentDecoder(1, BlockSpec(4, 2, 8), 4).logits
    queries, memory = torch.randn(1, 3, 4), torch.randn(1, 5, 4)
    q, k = decoder.query(queries)[0], decoder.key(memory)[0]
    heads = [q[:, half] @ k[:, half].T / 2**0.5 for half in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close(decoder(queries, memory)[0], (heads[0] + heads[1]) / 2)


def test_the_layers_of_a_decoder_start_as_copies():
    decoder = AlignmentDecoder(3, BlockSpec(4, 2, 8), 4)
    first, second = (layer.state_dict() for layer in decoder.layers)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(first["key.weight"], decoder.logits.key.weight)


def test_stages_add_up():
    subject, given = naming(), regions(levels=3)
    descriptor = relationship_descriptor(text()[:, 0], given.summary)
    expected = sum(
        subject.decoders[i](subject.queries[i](descriptor), memory)
        for i, memory in enumerate(subject.aggregation(given))
    )
    got = subject(given, text())
    assert got.shape == (B, N, K)
    torch.testing.assert_close(got, expected.mT)


def test_the_scale_multiplies_all_that_is_compared():
    given, doubled = regions(levels=3), regions(levels=3)
    doubled.embeddings.mul_(2)
    doubled.summary.mul_(2)
    for level in doubled.levels:
        level.mul_(2)
    plain, scaled = naming()(doubled, 2 * text()), naming(scale=2.0)(given, text())
    torch.testing.assert_close(scaled, plain)


def test_classes_do_not_influence_each_other_and_may_differ_between_images():
    subject, given = naming(), regions(levels=3)
    together = subject(given, text())
    torch.testing.assert_close(subject(given, text()[1:2]), together[..., 1:2])
    own = text(B)
    got = subject(given, own)
    for i in range(B):
        torch.testing.assert_close(got[i], subject(given, own[i])[i])


def test_void_is_one_more_class():
    subject, given = naming(with_void=True), regions(levels=3)
    got = subject(given, text())
    assert got.shape == (B, N, K + 1)
    asked = torch.cat([text(), subject.void[:, None]])
    subject.void = None
    torch.testing.assert_close(got, subject(given, asked))
    assert naming(with_void=True)(given, text(B)).shape == (B, N, K + 1)


def test_every_parameter_gets_a_gradient():
    subject = naming(with_void=True)
    (subject(regions(levels=3), text()) ** 3).sum().backward()
    for name, parameter in subject.named_parameters():
        # A key's bias moves all of softmax's logits alike.
        if not name.endswith("key.bias"):
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("options", "stages"),
    [([], 1), (["STAGES", [3, 3]], 3), (["STAGES", [1], "AGGREGATION", "sum"], 1)],
)
def test_configuration(options, stages):
    keys = [f"MODEL.CASCADE.{v}" if isinstance(v, str) and v.isupper() else v for v in options]
    cfg = get_config(opts=["MODEL.NAMING.NAME", "CascadeNaming", *keys])
    subject = build_naming(cfg, 512, 512)
    assert isinstance(subject, CascadeNaming) and len(subject.decoders) == stages
    assert subject.void is not None
    assert len(subject.decoders[0].layers) == 2


def test_published_size_of_zegclips_head():
    """13,821,184 trained, 2,364,672 of them prompts (10 tokens); unused ones are not there."""
    cfg = get_config(opts=["MODEL.NAMING.NAME", "CascadeNaming", "MODEL.NAMING.WITH_VOID", False])
    count = sum(parameter.numel() for parameter in build_naming(cfg, 512, 512).parameters())
    prompts = 12 * 10 * 768 + 768 * 768 + 768 + 2 * 768
    assert count == 13_821_184 - 3_154_944 - 2_627_072 - prompts


def test_refusals():
    with pytest.raises(ValueError, match=r"regions have levels of width .* and no summary"):
        naming()(Regions(torch.zeros(1, 4, C), (2, 2)), text())
    with pytest.raises(ValueError, match=r"width \[8\] and 9 as the summary's, but the text has 8"):
        given = Regions(torch.zeros(1, 4, C), (2, 2), None, (torch.zeros(1, 4, D),))
        naming()(Regions(**{**vars(given), "summary": torch.zeros(1, 9)}), text())
    with pytest.raises(ValueError, match=r"take \[2, 1\] levels, but regions have 2"):
        naming()(regions(levels=2), text())
    with pytest.raises(ValueError, match=r"stages take \[3, 0\] levels; expected 1 or more each"):
        GaussianAggregation([3, 0])
    with pytest.raises(ValueError, match=r"widths \[8, 6\] cannot be added up"):
        NaiveSum()(regions(levels=1))
    with pytest.raises(ValueError, match="0 layers gives no logits"):
        naming(layers=0)
    cfg = get_config(
        opts=["MODEL.NAMING.NAME", "CascadeNaming", "MODEL.CASCADE.AGGREGATION", "gausian"]
    )
    with pytest.raises(ValueError, match=r"'gausian'; expected one of gaussian, sum. Did you mean"):
        build_naming(cfg, C, D)
