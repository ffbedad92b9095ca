import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from zs3.evaluation.boundary import BoundaryIoU, boundary
from zs3.vocabulary import IGNORE

K, H, W = 5, 23, 31


def blobs(seed):
    """Rectangles of random labels over each other, some of them IGNORE."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((H, W), np.int64)
    for _ in range(12):
        top, left = rng.integers(H), rng.integers(W)
        labels[top : top + rng.integers(2, 12), left : left + rng.integers(2, 12)] = rng.choice(
            [*range(K - 1), IGNORE]
        )
    return labels


def rim(mask, width):
    """The paper's definition for one mask: what eroding it `width` times takes away."""
    return mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_all_masks_at_once_as_each_by_itself(seed, width):
    labels = blobs(seed)
    got = boundary(labels.astype(np.uint16), width)
    for k in range(K):
        np.testing.assert_array_equal(got == k, rim(labels == k, width))
    assert (got[labels == IGNORE] == IGNORE).all()


def test_counts_are_those_of_the_rims_of_all_images():
    subject = BoundaryIoU(K, ratio=0.05)  # of a diagonal of 38.6: 2 pixels
    expected = np.zeros((3, K), int)
    for seed in range(3):
        truth, labels = blobs(seed), blobs(seed + 10)
        labels[labels == IGNORE] = K  # no class
        subject.add(truth, labels, {})
        known = truth != IGNORE
        for k in range(K):
            a, b = rim(truth == k, 2), rim((labels == k) & known, 2)
            expected[:, k] += [(a & b).sum(), a.sum(), b.sum()]
    np.testing.assert_array_equal(subject.counts, expected)


def test_by_hand():
    # A square of 6 x 6 in an image of 12 x 12, predicted one pixel too far to the right.
    truth, labels = np.zeros((12, 12), int), np.zeros((12, 12), int)
    truth[3:9, 3:9] = labels[3:9, 4:10] = 1
    subject = BoundaryIoU(3, ratio=0.05)  # one pixel
    subject.add(truth, labels, {})
    # Of the two rims of 20 pixels, the upper and lower sides share 5 each; the left and right ones
    # do not meet.
    assert subject.counts[:, 1].tolist() == [10, 20, 20]
    per_class = subject.per_class()["BIoU"]
    assert per_class[1] == pytest.approx(100 * 10 / 30)
    assert np.isnan(per_class[2])
    scores = subject.scores(np.array([True, False, False]))
    seen, unseen = per_class[0], per_class[1]
    assert scores == pytest.approx(
        {
            "mBIoU": (seen + unseen) / 2,
            "S-BIoU": seen,
            "U-BIoU": unseen,
            "hBIoU": 2 * seen * unseen / (seen + unseen),
        }
    )
    assert list(subject.scores(np.ones(3, bool))) == ["mBIoU"]


def test_a_perfect_prediction_is_perfect_whatever_it_says_where_nothing_is_known():
    truth = blobs(0)
    labels = np.where(truth == IGNORE, 3, truth)
    subject = BoundaryIoU(K, ratio=0.1)
    subject.add(truth, labels, {})
    per_class = subject.per_class()["BIoU"]
    assert (per_class[~np.isnan(per_class)] == 100).all() and not np.isnan(per_class).all()


def test_large_labels_are_kept_apart():
    labels = np.array([[846, 846, 845, 845]]).repeat(9, 0).repeat(9, 1)
    assert set(np.unique(boundary(labels.astype(np.uint16), 1))) == {845, 846, IGNORE}
