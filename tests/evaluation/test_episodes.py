import numpy as np
import pytest

from zs3.evaluation.episodes import best_mask, episode_iou, episode_pixels, episode_scores
from zs3.vocabulary import IGNORE

TARGET = np.array([[1, 1, 0, 0], [1, IGNORE, IGNORE, 0]])
MASK = np.array([[1, 0, 1, 0], [1, 1, 0, 0]])


def test_pixels_by_hand():
    # Background and foreground: shared 2 and 2; together 4 and 4 of the labelled pixels, and one
    # more each where nothing is known.
    assert episode_pixels(TARGET, MASK).tolist() == [[2, 2], [4, 4]]
    assert episode_pixels(TARGET, MASK, void_counts=True).tolist() == [[2, 2], [5, 5]]
    # Neither class nor background, as grey values of a mask may be.
    assert episode_pixels(TARGET, np.full((2, 4), 7)).tolist() == [[0, 0], [3, 3]]
    with pytest.raises(ValueError, match=r"prediction is \(2, 3\), but its label map is \(2, 4\)"):
        episode_pixels(TARGET, MASK[:, :3])


def test_scores_by_hand():
    # Two classes that occur and one without an episode.
    pixels = np.array([[[50, 30, 0], [10, 20, 0]], [[100, 60, 0], [40, 40, 0]]])
    np.testing.assert_allclose(episode_iou(pixels), [25, 50, np.nan])
    assert episode_scores(pixels) == pytest.approx({"mIoU": 37.5, "FB-IoU": (50 + 37.5) / 2})
    published = episode_scores(pixels, absent=0.0)
    assert published == pytest.approx({"mIoU": 25, "FB-IoU": (50 + 37.5) / 2})


def test_the_best_mask_is_the_first_of_the_best():
    fit = [np.array([[0, shared], [0, union]]) for shared, union in ((1, 4), (2, 4), (1, 2))]
    assert best_mask(fit) == 1
    assert best_mask([np.zeros((2, 2), int)] * 3) == 0
