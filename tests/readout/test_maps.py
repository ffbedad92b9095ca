from dataclasses import replace

import pytest
import torch

from zs3.readout import ScoreMaps, best_class


def of(scores: torch.Tensor) -> ScoreMaps:
    return ScoreMaps(scores.__getitem__, len(scores), scores.shape[1:])


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 10])
def test_any_chunk_gives_the_maximum_and_its_place(chunk: int) -> None:
    scores = torch.randn(7, 4, 5)

    assert torch.equal(of(scores).best(chunk)[0], scores.amax(0))
    assert torch.equal(of(scores).labels(chunk), scores.argmax(0))


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_the_lowest_class_wins_a_tie(chunk: int) -> None:
    scores = torch.tensor([0.0, 1.0, 0.5, 1.0, 1.0])[:, None, None]

    assert of(scores).labels(chunk).item() == 1


def test_the_order_decides_where_scores_are_equal() -> None:
    logits = torch.tensor([30.0, 50.0, 40.0])[:, None, None]
    scores = of(logits.sigmoid())
    assert scores.best(2)[1].item() == 0
    ordered = replace(scores, order=logits.__getitem__)
    for maps in (ordered, ordered.computed()):
        score, label = maps.best(2)
        assert (score.item(), label.item(), maps.labels(2).item()) == (1.0, 1, 1)


def test_scores_that_are_held_are_computed_once() -> None:
    asked = []
    scores = torch.randn(5, 2, 3)
    maps = ScoreMaps(lambda classes: asked.append(classes) or scores[classes], 5, (2, 3))
    held = maps.computed()
    assert torch.equal(held.scores(), scores) and torch.equal(held.best(2)[0], scores.amax(0))
    assert asked == [slice(5)]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_labels_are_where_the_scores_are(device: str) -> None:
    best, labels = best_class(torch.empty(3, 2, 4, device=device))
    assert labels.device == best.device == torch.device(device)
    assert labels.shape == (2, 4) and labels.dtype == torch.int64


def test_an_empty_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match=r"chunk is 0; set TEST\.CLASS_CHUNK"):
        of(torch.zeros(3, 1, 1)).labels(0)


@pytest.mark.parametrize("bad", [0, 4])
def test_scores_that_are_no_numbers_have_no_best_class(bad: int) -> None:
    scores = torch.randn(5, 2, 3)
    scores[bad, 1, 1] = torch.nan

    with pytest.raises(ValueError, match="NaN"):
        of(scores).labels(2)
    with pytest.raises(ValueError, match="NaN"):
        of(scores).computed()


def test_the_mean_of_views_and_their_mirror_images() -> None:
    one, other = torch.randn(2, 5, 2, 3)

    mean = ScoreMaps.mean([of(one), of(other).mirrored()])

    torch.testing.assert_close(mean.scores(), (one + other.flip(-1)) / 2)
    assert torch.equal(mean.maps(slice(1, 3)), mean.scores()[1:3])
    assert mean.size == (2, 3)


@pytest.mark.parametrize("chunk", [1, 3, 9])
def test_softmax_over_all_classes_whatever_the_chunk(chunk: int) -> None:
    logits = 50 * torch.randn(7, 4, 5)

    got = of(logits).softmax(chunk)

    torch.testing.assert_close(got.scores(), logits.softmax(0))
    torch.testing.assert_close(got.maps(slice(2, 4)), logits.softmax(0)[2:4])
