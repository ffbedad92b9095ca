import numpy as np
import pytest

from zs3.evaluation.confusion import summary
from zs3.evaluation.published import mmseg, occurring_iou, spnet, zegformer, zs3net

IS_SEEN = np.array([True, False, True, False])
COMPLETE = np.array([[6, 1, 0, 1], [2, 5, 1, 0], [0, 0, 9, 1], [1, 1, 2, 4]])
# Class 3 is never the truth, but predicted twice; class 2 is neither.
ABSENT = np.array([[6, 1, 0, 1], [2, 5, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
IOU_0, IOU_1 = 60.0, 500 / 9
# A last column: pixels whose answer is none of the classes.
WITH_SILENCE = np.hstack([COMPLETE, [[2], [0], [0], [4]]])


def test_on_complete_data_they_agree_with_the_standard():
    standard = summary(COMPLETE, IS_SEEN)
    names = ["pAcc", "mAcc", "mIoU", "fwIoU", "S-mIoU", "U-mIoU", "hIoU"]
    expected = [standard[name] for name in names]

    scores = zegformer(COMPLETE, IS_SEEN)
    keys = ["pACC", "mACC", "mIoU", "fwIoU", "seen_IoU", "unseen_IoU", "harmonic mean"]
    assert [scores[key] for key in keys] == pytest.approx(expected)

    scores = spnet(COMPLETE, IS_SEEN)
    means = [f"Mean IoU {group}" for group in ("Seen", "Unseen", "Harmonic")]
    keys = ["Overall Acc", "Mean Acc", "Mean IoU", "FreqW Acc", *means]
    assert [scores[key] for key in keys] == pytest.approx(expected)

    scores = zs3net(COMPLETE, IS_SEEN)
    assert [scores[name] for name in names[:-1]] == pytest.approx(expected[:-1])

    scores = mmseg(COMPLETE, IS_SEEN)
    keys = ["aAcc", "mAcc", "mIoU", "mIoU(S)", "mIoU(U)", "hIoU"]
    expected = [value for name, value in zip(names, expected, strict=True) if name != "fwIoU"]
    assert [scores[key] for key in keys] == pytest.approx(expected)


def test_zegformer_with_absent_classes():
    scores = zegformer(ABSENT, IS_SEEN)
    assert scores["mIoU"] == pytest.approx((IOU_0 + IOU_1) / 3)
    assert scores["mACC"] == pytest.approx((75 + 62.5) / 2)
    assert np.isnan([scores[name] for name in ("seen_IoU", "unseen_IoU", "harmonic mean")]).all()


def test_spnet_with_absent_classes():
    scores = spnet(ABSENT, IS_SEEN)
    np.testing.assert_allclose(occurring_iou(ABSENT), [IOU_0, IOU_1, np.nan, 0])
    assert scores["Mean IoU"] == pytest.approx((IOU_0 + IOU_1) / 3)
    assert scores["Mean IoU Seen"] == pytest.approx(IOU_0)
    assert scores["Mean IoU Unseen"] == pytest.approx(IOU_1 / 2)
    assert scores["Mean Acc Unseen"] == pytest.approx(62.5)
    assert scores["Overall Acc Seen"] == pytest.approx(75)
    assert scores["FreqW Acc"] == pytest.approx((IOU_0 + IOU_1) / 2)
    assert scores["FreqW Acc Unseen"] == pytest.approx(IOU_1 / 2)


def test_zs3net_with_absent_classes():
    scores = zs3net(ABSENT, IS_SEEN)
    assert scores["mIoU"] == pytest.approx((IOU_0 + IOU_1) / 4)
    assert scores["S-mIoU"] == pytest.approx(IOU_0 / 2)
    assert scores["U-mAcc"] == pytest.approx(62.5 / 2)
    assert scores["U-pAcc"] == pytest.approx(62.5)


def test_mmseg_with_absent_classes():
    scores = mmseg(ABSENT, IS_SEEN)
    assert scores["mIoU"] == pytest.approx((IOU_0 + IOU_1) / 3)
    assert scores["mAcc"] == pytest.approx((75 + 62.5) / 2)
    assert (scores["mIoU(S)"], scores["mIoU(U)"]) == pytest.approx((IOU_0, IOU_1 / 2))


@pytest.mark.parametrize("summarise", [zegformer, spnet, zs3net, mmseg])
def test_an_answer_that_is_no_class_is_a_miss(summarise):
    scores = summarise(WITH_SILENCE, IS_SEEN)
    truth, found = WITH_SILENCE.sum(1), np.diag(COMPLETE)
    per_class = 100 * found / (truth + COMPLETE.sum(0) - found)
    mean_iou = [scores[key] for key in ("mIoU", "Mean IoU") if key in scores]
    assert mean_iou == pytest.approx([per_class.mean()])
    pixels = [scores[key] for key in ("pACC", "Overall Acc", "pAcc", "aAcc") if key in scores]
    assert pixels == pytest.approx([100 * found.sum() / WITH_SILENCE.sum()])


@pytest.mark.parametrize("summarise", [zegformer, spnet, zs3net, mmseg])
@pytest.mark.parametrize("is_seen", [np.ones(4, bool), np.zeros(4, bool)])
def test_one_half_of_the_split_may_be_empty(summarise, is_seen):
    scores = summarise(COMPLETE, is_seen)
    assert np.isfinite([scores[key] for key in scores if key in ("mIoU", "Mean IoU")]).all()


def test_never_right_is_a_harmonic_mean_of_zero():
    wrong = np.array([[0, 3], [2, 0]])
    assert spnet(wrong, np.array([True, False]))["Mean IoU Harmonic"] == 0
