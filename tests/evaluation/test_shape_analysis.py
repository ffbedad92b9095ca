import math
from itertools import combinations

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zs3.commands import shape_analysis
from zs3.evaluation.shape_analysis import (
    ClassShape,
    Compactness,
    correlation,
    iou_by_name,
    locality,
    name_points,
    write_analysis,
)


def test_a_disc_is_more_compact_than_a_square_and_a_bar_least():
    labels = np.full((80, 120), 255)
    disc = cv2.circle(np.zeros((80, 120), np.uint8), (20, 20), 15, 1, cv2.FILLED)
    labels[disc == 1] = 0
    labels[50:70, 10:30] = 1
    labels[50:54, 40:110] = 2
    compactness = Compactness(4)
    compactness.add(labels)
    round_, square, bar, absent = compactness.means()
    assert 0.8 < round_ <= 1 and square == pytest.approx(math.pi / 4, abs=0.02)
    assert bar == pytest.approx(4 * math.pi * 280 / 148**2, rel=0.03) and math.isnan(absent)


def test_specks_are_left_out():
    labels = np.zeros((20, 20), int)
    labels[3, 3] = 1
    compactness = Compactness(2)
    compactness.add(labels)
    assert compactness.counts.tolist() == [1, 0]


def test_locality_is_the_cosine_of_the_nearest_name():
    text = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0]])
    np.testing.assert_allclose(locality(text), [0.5**0.5] * 3)


def test_the_table_the_plot_and_the_correlation(tmp_path):
    shapes = [ClassShape(f"class {k}", k / 10, 1 - k / 10, float(k)) for k in range(5)]
    shapes.append(ClassShape("absent", float("nan"), 0.5, float("nan")))
    assert correlation(shapes, "compactness") == pytest.approx(1)
    assert correlation(shapes, "locality") == pytest.approx(-1)
    assert math.isnan(correlation(shapes[:2], "locality"))
    write_analysis(shapes, tmp_path / "made" / "analysis")
    assert "absent,,0.5000,\n" in (tmp_path / "made" / "analysis.csv").read_text()
    assert cv2.imread(str(tmp_path / "made" / "analysis.png")).shape[1] == 1650


def test_names_in_the_plot_do_not_cover_each_other():
    figure = Figure(figsize=(4, 3))
    FigureCanvasAgg(figure)
    place = figure.subplots()
    points = [(0.5, 0.1 * k, f"gain {k}") for k in (1, 2, 3, 4)]
    place.scatter([0.5] * 4, [0.1, 0.2, 0.3, 0.4])
    place.set_ylim(-9, 9)
    name_points(place, [*points, (float("nan"), 1.0, "absent")])
    texts = place.texts
    assert texts[0].get_text() == "gain 4" and len(texts) < 4  # no room for all, the largest first
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_an_evaluation_has_a_table_of_its_classes(tmp_path):
    (tmp_path / "per_class.csv").write_text("class,IoU\na,12.5\nb,\n")
    found = iou_by_name(tmp_path)
    assert found["a"] == 12.5 and math.isnan(found["b"])
    with pytest.raises(SystemExit, match=r"error: .*holds no per_class\.csv; name a folder"):
        shape_analysis.main([str(tmp_path / "none"), str(tmp_path), "--config-file", "x.yaml"])
