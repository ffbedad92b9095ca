"""The calibration curve's geometry."""

from __future__ import annotations

from zs3.evaluation.page.curve import HEIGHT, WIDTH, curve

MEASURED = {
    "gammas": [0.4, 0.0, 0.2],
    "S": [20.0, 41.0, 30.0],
    "U": [12.0, 0.0, 10.0],
    "hIoU": [15.0, 0.0, 15.5],
}


def test_lines_go_from_left_to_right():
    drawn = curve(MEASURED)
    seen = drawn.lines["S"]
    assert [(point.gamma, point.score) for point in seen] == [(0, 41), (0.2, 30), (0.4, 20)]
    assert seen[0].x < seen[1].x < seen[2].x and seen[0].y < seen[1].y < seen[2].y
    assert seen[2].x - seen[1].x == seen[1].x - seen[0].x
    assert all(0 < point.x < WIDTH and 0 < point.y < HEIGHT for point in seen)


def test_the_highest_harmonic_mean_is_marked():
    assert curve(MEASURED).best.gamma == 0.2


def test_levels_reach_just_above_the_highest_score():
    assert [level for level, _ in curve(MEASURED).levels] == [0, 10, 20, 30, 40, 50]
    assert curve(MEASURED).levels[0][1] == curve(MEASURED).lines["U"][0].y


def test_undefined_scores_leave_gaps():
    drawn = curve(MEASURED | {"hIoU": [None, None, None], "U": [None, 3.0, None]})
    assert drawn.best is None and drawn.lines["hIoU"] == []
    assert [point.gamma for point in drawn.lines["U"]] == [0]


def test_one_gamma_alone():
    drawn = curve({"gammas": [0.3], "S": [0.0], "U": [0.0], "hIoU": [0.0]})
    assert drawn.best.score == 0 and [gamma for gamma, _ in drawn.gammas] == [0.3]


def test_no_more_gammas_are_written_than_fit():
    gammas = [i / 100 for i in range(101)]
    drawn = curve({"gammas": gammas, **{name: gammas for name in ("S", "U", "hIoU")}})
    assert 5 <= len(drawn.gammas) <= 10
