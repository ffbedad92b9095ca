import pytest
import torch
from torch import Tensor

from zs3.refinement import PublishedFusion, RenormalizedFusion

SEEN = torch.tensor([[True, True, False]])
# Softmaxes by hand: the head says (.4, .2, .1) and void .3; CLIP alone says (.5, .3, .2).
HEAD = torch.tensor([[[0.4, 0.2, 0.1, 0.3]]]).log()
CLIP = torch.tensor([[[0.5, 0.3, 0.2]]]).log()
# With the head's void logit, ln 0.3, CLIP's four numbers sum to 1.3.
CLIP_WITH_VOID = torch.tensor([0.5, 0.3, 0.2]) / 1.3


def fused(fusion: torch.nn.Module, is_seen: Tensor = SEEN) -> Tensor:
    return fusion(HEAD, CLIP, is_seen)[0, 0]


def test_published_ensembling_by_hand() -> None:
    mean = 0.4 / 1.3
    expected = [
        0.4 ** (2 / 3) * mean ** (1 / 3),
        0.2 ** (2 / 3) * mean ** (1 / 3),
        0.1 ** (1 / 3) * (0.2 / 1.3) ** (2 / 3),
    ]

    torch.testing.assert_close(fused(PublishedFusion()), torch.tensor(expected))


def test_published_ensembling_of_all_classes_by_hand() -> None:
    fusion = PublishedFusion(seen_weight=2 / 3, unseen_weight=2 / 3, average_seen=False)

    expected = torch.tensor([0.4, 0.2, 0.1]) ** (1 / 3) * CLIP_WITH_VOID ** (2 / 3)
    torch.testing.assert_close(fused(fusion), expected)


def test_weights_of_one_leave_clip_and_weights_of_nought_the_head() -> None:
    clip = PublishedFusion(seen_weight=1.0, unseen_weight=1.0, average_seen=False)
    head = PublishedFusion(seen_weight=0.0, unseen_weight=0.0, average_seen=False)

    torch.testing.assert_close(fused(clip), CLIP_WITH_VOID)
    torch.testing.assert_close(fused(head), torch.tensor([0.4, 0.2, 0.1]))


def test_averaging_needs_no_seen_class() -> None:
    unseen = torch.zeros(1, 3, dtype=torch.bool)

    torch.testing.assert_close(
        fused(PublishedFusion(), unseen),
        torch.tensor([0.4, 0.2, 0.1]) ** (1 / 3) * CLIP_WITH_VOID ** (2 / 3),
    )


def test_renormalized_by_hand() -> None:
    head = torch.tensor([0.4, 0.2, 0.1]) / 0.7
    weight = torch.tensor([0.4, 0.4, 0.8])
    product = head ** (1 - weight) * torch.tensor([0.5, 0.3, 0.2]) ** weight

    got = fused(RenormalizedFusion(seen_weight=0.4, unseen_weight=0.8))

    torch.testing.assert_close(got, product / product.sum() * 0.7)


def test_renormalized_scores_sum_to_objectness() -> None:
    logits, clip = torch.randn(2, 5, 5), 20 * torch.randn(2, 5, 4)
    is_seen = torch.tensor([[True, False, True, False]])

    scores = RenormalizedFusion(seen_weight=0.4, unseen_weight=0.8)(logits, clip, is_seen)

    torch.testing.assert_close(scores.sum(-1), 1 - logits.softmax(-1)[..., -1])


@pytest.mark.parametrize(
    "fusion", [PublishedFusion(), RenormalizedFusion(seen_weight=0.3, unseen_weight=0.9)]
)
def test_images_may_differ_in_what_is_seen(fusion: torch.nn.Module) -> None:
    logits, clip = torch.randn(2, 5, 5), torch.randn(2, 5, 4)
    is_seen = torch.tensor([[True, False, True, False], [False, True, True, True]])

    together = fusion(logits, clip, is_seen)

    alone = [fusion(logits[i : i + 1], clip[i : i + 1], is_seen[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone))
