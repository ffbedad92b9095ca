import numpy as np
import pytest

from zs3.evaluation.confusion import accuracy, confusion_matrix, iou, summary
from zs3.vocabulary import IGNORE

K = 7


def random_maps(seed, num_classes=K, absent=(2, 5)):
    """Truth without the absent classes, of which the first is predicted; some pixels unlabelled."""
    rng = np.random.default_rng(seed)
    present = [k for k in range(num_classes) if k not in absent]
    truth = rng.choice(present, (3, 11, 13))
    labels = np.where(rng.random(truth.shape) < 0.5, truth, rng.choice([*present, absent[0]]))
    return np.where(rng.random(truth.shape) < 0.2, IGNORE, truth), labels


def loops(truth, labels, num_classes):
    """Per class intersection, truth and prediction, by counting pixel by pixel."""
    counts = [[0, 0, 0] for _ in range(num_classes)]
    for t, p in zip(truth.ravel().tolist(), labels.ravel().tolist(), strict=True):
        if t == IGNORE:
            continue
        counts[t][1] += 1
        counts[p][2] += 1
        counts[t][0] += t == p
    return counts


def average(values):
    return sum(values) / len(values) if values else float("nan")


@pytest.mark.parametrize("seed", range(4))
def test_every_score_by_counting_pixels(seed):
    truth, labels = random_maps(seed)
    is_seen = np.array([True, True, False, False, True, False, True])
    kinds = {"first": np.arange(K) == 3, "none": np.arange(K) == 2}
    counts = loops(truth, labels, K)
    per_class = {k: 100 * i / (t + p - i) for k, (i, t, p) in enumerate(counts) if t}
    recall = {k: 100 * i / t for k, (i, t, p) in enumerate(counts) if t}
    labelled = sum(t for _, t, _ in counts)
    seen = average([value for k, value in per_class.items() if is_seen[k]])
    unseen = average([value for k, value in per_class.items() if not is_seen[k]])

    confusion = confusion_matrix(truth, labels, K)
    np.testing.assert_allclose(iou(confusion), [per_class.get(k, np.nan) for k in range(K)])
    np.testing.assert_allclose(accuracy(confusion), [recall.get(k, np.nan) for k in range(K)])
    expected = {
        "pAcc": 100 * sum(i for i, _, _ in counts) / labelled,
        "mAcc": average(list(recall.values())),
        "mIoU": average(list(per_class.values())),
        "fwIoU": sum(value * counts[k][1] for k, value in per_class.items()) / labelled,
        "zero-IoU": 100 * average([value == 0 for value in per_class.values()]),
        "S-mIoU": seen,
        "U-mIoU": unseen,
        "hIoU": 2 * seen * unseen / (seen + unseen),
        "U-first": per_class[3],
        "U-none": float("nan"),
    }
    assert summary(confusion, is_seen, kinds) == pytest.approx(expected, nan_ok=True)


def test_by_hand():
    truth = np.array([0, 0, 0, 0, 1, 1, 2, IGNORE])
    labels = np.array([0, 0, 0, 1, 1, 3, 3, 2])
    confusion = confusion_matrix(truth, labels, 4)
    assert confusion.tolist() == [[3, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    # Class 3 is predicted, which costs 1 and 2, but it has no pixel and no IoU of its own.
    np.testing.assert_allclose(iou(confusion), [75, 100 / 3, 0, np.nan])
    np.testing.assert_allclose(accuracy(confusion), [75, 50, 0, np.nan])
    scores = summary(confusion, np.array([True, True, False, False]))
    assert scores["mIoU"] == pytest.approx(325 / 9)
    assert scores["pAcc"] == pytest.approx(400 / 7)
    assert scores["zero-IoU"] == pytest.approx(100 / 3)
    assert (scores["U-mIoU"], scores["hIoU"]) == (0, 0)


def test_parts_add_up_and_keep_large_vocabularies_apart():
    truth, labels = random_maps(0, num_classes=847, absent=(4, 600))
    parts = [confusion_matrix(t, p, 847) for t, p in zip(truth, labels, strict=True)]
    whole = confusion_matrix(truth, labels, 847)
    assert whole.shape == (847, 847) and whole.dtype == np.int64
    assert (sum(parts) == whole).all()
    assert whole.sum() == (truth != IGNORE).sum()


def test_small_integers_do_not_overflow():
    truth, labels = np.full((2, 3), 200, np.uint8), np.full((2, 3), 199, np.uint8)
    confusion = confusion_matrix(truth, labels, 201, ignore=255)
    assert confusion[200, 199] == 6


@pytest.mark.parametrize("is_seen", [np.ones(K, bool), np.zeros(K, bool)])
def test_without_a_split_there_are_no_split_scores(is_seen):
    scores = summary(confusion_matrix(*random_maps(0), K), is_seen)
    assert list(scores) == ["pAcc", "mAcc", "mIoU", "fwIoU", "zero-IoU"]


def test_a_missing_half_of_the_split_is_undefined():
    is_seen = ~np.isin(np.arange(K), (2, 5))
    scores = summary(confusion_matrix(*random_maps(0), K), is_seen)
    assert scores["S-mIoU"] == scores["mIoU"]
    assert np.isnan([scores["U-mIoU"], scores["hIoU"]]).all()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r"prediction is \(3, 2\), but its label map is \(2, 3\)"):
        confusion_matrix(np.zeros((2, 3), int), np.zeros((3, 2), int), 4)


def test_values_that_are_no_class_are_refused():
    good, bad = np.array([0, 3]), np.array([1, 4])
    with pytest.raises(ValueError, match=r"label map contains 4.*0\.\.3, or 255 for no label\.$"):
        confusion_matrix(bad, good, 4, ignore=255)
    with pytest.raises(ValueError, match=r"prediction contains 4.*4 classes; expected 0\.\.3\.$"):
        confusion_matrix(good, bad, 4)
    with pytest.raises(ValueError, match="prediction contains -1"):
        confusion_matrix(good, -good.clip(max=1) - np.array([1, 0]), 4)


def test_predictions_where_there_is_no_label_do_not_matter():
    truth = np.array([0, IGNORE])
    assert confusion_matrix(truth, np.array([0, 99]), 2).tolist() == [[1, 0], [0, 0]]
