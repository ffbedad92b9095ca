from itertools import permutations

import pytest
import torch

from zs3.criterion.mask import dice_loss, mask_loss, pixel_terms
from zs3.criterion.matcher import HungarianMatcher
from zs3.criterion.segments import Segments

B, Q, K, H, W = 2, 5, 4, 3, 4


def matcher(**costs):
    return HungarianMatcher(**{"class_cost": 1.0, "mask_cost": 20.0, "dice_cost": 1.0, **costs})


def random_case(seed=0, counts=(2, 4), size=(H, W)):
    generator = torch.Generator().manual_seed(seed)
    output = (
        torch.randn(len(counts), Q, K + 1, generator=generator),
        2 * torch.randn(len(counts), Q, H, W, generator=generator),
    )
    labels = [torch.randint(0, K, (count,), generator=generator) for count in counts]
    masks = [torch.rand(count, *size, generator=generator).round() for count in counts]
    return output, labels, masks


def pairs(matching, image):
    mine = matching.image == image
    return list(zip(matching.query[mine].tolist(), matching.segment[mine].tolist(), strict=True))


def cost(output, label, mask, image, query, name):
    """Of one pair, with the weights of `matcher`."""
    logits, masks = output[0][image, query], output[1][image, query].flatten()[None]
    target = mask.flatten()[None]
    return (
        -logits.softmax(0)[label]
        + 20 * mask_loss(pixel_terms(name)(masks), target)[0]
        + dice_loss(masks, target)[0]
    ).item()


@pytest.mark.parametrize("name", ["focal", "bce"])
def test_no_other_assignment_is_cheaper(name):
    output, labels, masks = random_case()
    (matching,) = matcher(mask_loss=name)([output], Segments.of_lists(labels, masks))
    first = 0
    for b in range(B):
        table = [
            [cost(output, label, mask, b, q, name) for q in range(Q)]
            for label, mask in zip(labels[b], masks[b], strict=True)
        ]
        best = min(
            permutations(range(Q), len(table)),
            key=lambda queries, table=table: sum(
                row[q] for row, q in zip(table, queries, strict=True)
            ),
        )
        assert pairs(matching, b) == [(q, first + t) for t, q in enumerate(best)]
        first += len(table)


def test_shuffled_targets_are_found_again():
    _, labels, masks = random_case(counts=(Q, Q))
    labels = [torch.tensor([3, 2, 0, 1, 2])] * B
    order = torch.tensor([3, 0, 4, 1, 2])
    logits = torch.nn.functional.one_hot(torch.stack(labels)[:, order], K + 1) * 9.0
    output = (logits, (torch.stack(masks)[:, order] - 0.5) * 20)
    (matching,) = matcher()([output], Segments.of_lists(labels, masks))
    for b in range(B):
        assert pairs(matching, b) == [(q, b * Q + int(t)) for t, q in enumerate(order.argsort())]


def test_several_layers_and_images_equal_one_at_a_time():
    outputs = [random_case(seed)[0] for seed in range(3)]
    _, labels, masks = random_case()
    together = matcher()(outputs, Segments.of_lists(labels, masks))
    for output, matching in zip(outputs, together, strict=True):
        first = 0
        for b in range(B):
            single = (output[0][b : b + 1], output[1][b : b + 1])
            (alone,) = matcher()([single], Segments.of_lists(labels[b : b + 1], masks[b : b + 1]))
            assert pairs(matching, b) == [(q, first + t) for q, t in pairs(alone, 0)]
            first += len(labels[b])


def test_images_without_segments_and_with_too_many():
    output, labels, masks = random_case(counts=(0, Q + 2))
    (matching,) = matcher()([output], Segments.of_lists(labels, masks))
    assert pairs(matching, 0) == []
    assert len(pairs(matching, 1)) == Q
    assert matching.query.sort().values.tolist() == list(range(Q))
    assert (matching.segment.diff() > 0).all()


def test_nothing_to_match():
    output, labels, masks = random_case(counts=(0, 0))
    (matching,) = matcher()([output], Segments.of_lists(labels, masks))
    assert matching.query.tolist() == matching.segment.tolist() == []


def test_larger_targets_are_compared_at_the_size_of_the_predictions():
    output, labels, masks = random_case(size=(2 * H, 3 * W))
    small = [mask[:, ::2, ::3] for mask in masks]
    (large,) = matcher()([output], Segments.of_lists(labels, masks))
    (expected,) = matcher()([output], Segments.of_lists(labels, small))
    assert large.query.equal(expected.query)


@pytest.mark.parametrize(
    ("index", "message"),
    [(0, "the class costs of the matching are not finite"), (1, "the mask and dice costs")],
)
def test_costs_that_are_not_finite_are_refused(index, message):
    output, labels, masks = random_case()
    output[index][1, 2, 0] = torch.nan
    with pytest.raises(ValueError, match=message):
        matcher()([output], Segments.of_lists(labels, masks))
