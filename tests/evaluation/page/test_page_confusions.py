"""What is read off a confusion matrix."""

from __future__ import annotations

import numpy as np
import pytest

from zs3.evaluation.page.confusions import Cell, flows, heat_map, top_confusions
from zs3.evaluation.page.evaluated import ClassScore, Evaluation

# Classes 1 and 3 are unseen; 3 has no pixel.
SEEN = (True, False, True, False)
CONFUSION = np.array([[6, 3, 0, 1], [5, 2, 1, 2], [0, 0, 40, 0], [0, 0, 0, 0]])


def evaluation(confusion=CONFUSION, seen=SEEN):
    classes = tuple(
        ClassScore(f"class {k}", is_seen, "", None, None, int(row.sum()), 0)
        for k, (is_seen, row) in enumerate(zip(seen, confusion, strict=True))
    )
    return Evaluation("run", "set", {}, classes, confusion, {}, {}, {})


def test_pixels_stay_on_their_side_or_change_it():
    seen, unseen = flows(evaluation())
    assert (seen.is_seen, seen.pixels) == (True, 50)
    assert (seen.right, seen.own_side, seen.other_side) == (92, 0, 8)
    assert (unseen.is_seen, unseen.pixels) == (False, 10)
    assert (unseen.right, unseen.own_side, unseen.other_side) == (20, 20, 60)


def test_a_side_without_pixels_is_left_out():
    (flow,) = flows(evaluation(CONFUSION, seen=(True, True, True, False)))
    assert flow.is_seen and flow.right == 80


def test_the_largest_confusions_come_first_with_their_share_of_the_class():
    found = top_confusions(evaluation(), count=3)
    told = [(each.truth.name, each.prediction.name, each.pixels, each.share) for each in found]
    assert told == [
        ("class 1", "class 0", 5, 50),
        ("class 0", "class 1", 3, 30),
        ("class 1", "class 3", 2, 20),
    ]
    assert len(top_confusions(evaluation(), count=99)) == 5


def test_the_heat_map_has_seen_classes_first_and_shares_of_rows():
    drawn = heat_map(evaluation())
    assert [each.label for each in drawn.bins] == ["class 0", "class 2", "class 1", "class 3"]
    assert drawn.cells == (
        Cell(0, 0, 60),
        Cell(0, 2, 30),
        Cell(0, 3, 10),
        Cell(1, 1, 100),
        Cell(2, 0, 50),
        Cell(2, 1, 10),
        Cell(2, 2, 20),
        Cell(2, 3, 20),
    )


def test_what_is_too_faint_to_see_is_not_drawn():
    confusion = np.array([[996, 4], [5, 995]])
    drawn = heat_map(evaluation(confusion, (True, True)))
    assert [(cell.row, cell.column) for cell in drawn.cells] == [(0, 0), (1, 0), (1, 1)]


def test_many_classes_share_lines_but_never_seen_ones_with_unseen_ones():
    seen = (True, True, False, True, False)
    confusion = np.arange(25).reshape(5, 5)
    drawn = heat_map(evaluation(confusion, seen), most=3)
    assert [[each.name for each in one.classes] for one in drawn.bins] == [
        ["class 0", "class 1"],
        ["class 3"],
        ["class 2", "class 4"],
    ]
    assert [each.label for each in drawn.bins] == ["class 0 +1", "class 3", "class 2 +1"]
    assert drawn.bins[0].title == "class 0 … class 1" and drawn.bins[1].title == "class 3"
    shares = np.zeros((3, 3))
    for cell in drawn.cells:
        shares[cell.row, cell.column] = cell.share
    assert shares.sum(1) == pytest.approx([100, 100, 100])
    # Rows 0 and 1 hold 0..4 and 5..9: 45 pixels, of which 0 + 1 + 5 + 6 in columns 0 and 1.
    assert shares[0, 0] == pytest.approx(100 * 12 / 45)


def test_long_labels_are_cut():
    name = "a chest of drawers, a bureau, a dresser"
    one = ClassScore(name, True, "", None, None, 1, 1)
    made = Evaluation("run", "set", {}, (one,), np.array([[1]]), {}, {}, {})
    (label,) = (each.label for each in heat_map(made).bins)
    assert label == "a chest of drawers, a…" and len(label) == 22
