"""The rows of the tables, from evaluations made by hand."""

from __future__ import annotations

import numpy as np

from zs3.evaluation.boundary import BoundaryIoU
from zs3.evaluation.confusion import summary
from zs3.evaluation.page.evaluated import ClassScore, Evaluation
from zs3.evaluation.page.tables import (
    best_score,
    class_rows,
    config_differences,
    histogram,
    meaning,
    metric_names,
)


def evaluation(run="run", scores=(), classes=(), config="{}"):
    scores = {"sem_seg": dict(scores)}
    return Evaluation(run, "set", scores, tuple(classes), None, {}, {"config": config}, {})


def scored(name, iou, is_seen=True):
    return ClassScore(name, is_seen, "", iou, iou, 1, 1)


def test_the_most_telling_scores_come_first():
    first = evaluation(
        scores={"pAcc": 1, "S-mIoU": 2, "U-mIoU": 3, "hIoU": 4, "U-BIoU": 5, "U-star": 6},
        classes=[ClassScore("red star", False, "star", None, None, 0, 0)],
    )
    second = evaluation(scores={"S-BIoU": 6, "pAcc": 7})
    names = ["hIoU", "S-mIoU", "U-mIoU", "U-star", "pAcc", "U-BIoU", "S-BIoU"]
    assert metric_names([first, second]) == names
    assert metric_names([evaluation(scores={"pAcc": 1, "mIoU": 2})]) == ["pAcc", "mIoU"]


def test_the_best_is_the_highest_but_for_a_share_of_failures():
    both = [evaluation(scores={"mIoU": 3.0, "zero-IoU": 3.0, "hIoU": None})]
    both.append(evaluation(scores={"mIoU": 2.0, "zero-IoU": 2.0, "hIoU": 1.0}))
    assert best_score("mIoU", both, "sem_seg") == 3
    assert best_score("zero-IoU", both, "sem_seg") == 2
    assert best_score("hIoU", both, "sem_seg") is None, "one score alone has won nothing"
    assert best_score("mIoU", [both[0], both[0]], "sem_seg") is None


def test_scores_are_explained():
    shown = evaluation(classes=[ClassScore("star", False, "shape", None, None, 0, 0)])
    assert meaning("U-shape", shown) == "mean IoU of the unseen classes of kind shape"
    assert meaning("U-mIoU", shown) == "mean IoU of the unseen classes"
    assert meaning("U-colour", shown) == meaning("shape", shown) == ""


def test_no_score_of_an_evaluator_lacks_an_explanation():
    confusion, is_seen = np.ones((3, 3), np.int64), np.array([True, True, False])
    names = {**summary(confusion, is_seen), **BoundaryIoU(3).scores(is_seen)}
    shown = evaluation(scores=names)
    assert [name for name in names if not meaning(name, shown)] == []
    assert metric_names([shown])[-4:] == ["mBIoU", "S-BIoU", "U-BIoU", "hBIoU"]


def test_classes_are_sorted_by_the_first_evaluation():
    first = evaluation(classes=[scored("a", 1), scored("b", 9), scored("c", None), scored("d", 0)])
    second = evaluation(classes=[scored("b", 2), scored("a", 3), scored("e", 5)])
    rows = class_rows([first, second], is_seen=True)
    assert [each.name for each, _ in rows] == ["b", "e", "a", "d", "c"]
    told = {each.name: [score and score.iou for score in scores] for each, scores in rows}
    assert told == {"b": [9, 2], "e": [None, 5], "a": [1, 3], "d": [0, None], "c": [None, None]}
    assert class_rows([first, second], is_seen=False) == []


def test_images_are_counted_in_equal_parts():
    assert histogram([0, 4.9, 5, 99, 100], bins=20) == [2, 1, *[0] * 17, 2]


def test_only_keys_that_differ_are_listed():
    first = evaluation(config="MODEL:\n  NAME: a\n  WIDTH: 3\nSEED: 0\n")
    second = evaluation(config="MODEL:\n  NAME: b\n  WIDTH: 3\nSEED: 0\nEXTRA: [1]\n")
    assert config_differences([first, second]) == [
        ("EXTRA", [None, [1]]),
        ("MODEL.NAME", ["a", "b"]),
    ]
    assert config_differences([first]) == []
