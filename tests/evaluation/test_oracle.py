import json

import numpy as np
import pytest

from zs3.evaluation.oracle import Oracle, best_iou
from zs3.vocabulary import IGNORE, Vocabulary

NAMES = Vocabulary.of(["background", "cat", "dog", "owl"], unseen=["dog", "owl"])


def test_it_chooses_for_every_class_that_an_image_shows(tmp_path):
    masks = np.array([[[1, 1, 0, 0]]])
    oracle = Oracle(NAMES, masks=lambda file, image, size: masks, directory=tmp_path)
    truth, labels = np.array([[2, 2, 1, IGNORE]]), np.array([[2, 3, 1, 1]])
    oracle.see("a.png", np.zeros((1, 4, 3)), truth, labels, np.zeros((4, 4)))
    oracle.finish()
    bound = json.loads((tmp_path / "oracle.json").read_text())["oracle"]
    assert bound["IoU-dog"] == 100 and bound["IoU-cat"] == 100
    assert bound["IoU-owl"] == 0  # predicted where it is not
    assert bound["U-mIoU"] == 50


def test_the_prediction_stays_where_no_mask_is_better(tmp_path):
    masks = np.array([[[1, 1, 1, 1]], [[0, 0, 0, 1]]])
    oracle = Oracle(NAMES, masks=lambda file, image, size: masks, directory=tmp_path)
    truth, labels = np.array([[2, 2, 2, 0]]), np.array([[2, 2, 0, 0]])
    for _ in range(2):
        oracle.reset()
        oracle.see("a.png", np.zeros((1, 4, 3)), truth, labels, np.zeros((4, 4)))
    oracle.finish()
    bound = json.loads((tmp_path / "oracle.json").read_text())["oracle"]
    assert bound["IoU-dog"] == 75  # the first mask; the prediction has 2 of 3
    assert bound["IoU-background"] == 100 and bound["IoU-cat"] is None


def test_a_mask_that_is_better_in_its_image_and_worse_for_the_class_is_not_taken():
    missed = np.array([[0, 10], [5, 100]])  # the prediction's intersection and union, and a mask's
    found = np.array([[90, 100], [80, 100]])
    assert best_iou([missed, found]) == pytest.approx(
        100 * 90 / 110
    )  # 95 / 200 by the published rule
    assert best_iou([missed]) == 5
    assert np.isnan(best_iou([]))
